"""The books of the lab, which each of the compared systems has."""

BOOKS = [
    (1, "How to get a good grade in DOS in 40 minutes a day", "distributed systems", 35.0),
    (2, "RPCs for Noobs", "distributed systems", 50.0),
    (3, "Xen and the Art of Surviving Undergraduate School", "undergraduate school", 42.5),
    (4, "Cooking for the Impatient Undergrad", "undergraduate school", 19.99),
    (5, "How to finish Project 3 on time", "new", 24.5),
    (6, "Why theory classes are so hard", "new", 29.95),
    (7, "Spring in the Pioneer Valley", "new", 15.75),
]
"""Id, title, topic and price of each."""
