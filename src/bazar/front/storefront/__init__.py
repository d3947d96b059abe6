"""The shop that people see: pages for finding and buying books.

A page is drawn from templates and from data that `upstream` brings; it decides nothing about
books, stock or money. `frame` is what all pages share.
"""
