"""Adopts a table of customers: from a CSV file to a workspace that the program serves.

The steps are modules: `read`, `target`, `kinds`, `leaks`, `relations`, `propose`, `search`, `write` and `page`, in this order.
"""
