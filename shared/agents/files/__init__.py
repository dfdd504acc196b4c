"""A tenant's file: how it is read, what it may say, and where in it what is wrong stands."""
