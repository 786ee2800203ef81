"""The JSON door, for staff and their programmes: links and looks."""
