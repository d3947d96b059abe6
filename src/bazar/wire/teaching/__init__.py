"""What the API pages teach: texts and examples for the description that each service gives.

Examples are values of the message types themselves, as the sample shop answers them, so they
cannot be of a form that no service takes or gives.
"""
