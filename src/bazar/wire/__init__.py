"""What crosses between services or reaches the public: messages, limits and errors of the shop.

It may use the kit's errors, identity, money and HTTP answers, and no machinery: no database, no
peer, no process. Outside, a price is an exact decimal with a currency; between order and catalog
it is integer minor units, so that what is stored is what was decided.
"""
