"""The request of a user, and the frozen specification that follows from it."""
