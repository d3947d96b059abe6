"""Pages for people: what every site needs, whatever it shows. It knows no books."""
