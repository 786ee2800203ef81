"""Kontor, a small CRM with made-up customers: what any vendor's CRM does to be connected, and nothing more.

It knows only the CRM's doors: it sends what happened to the gateway over HTTP, takes webhooks, reads the feed, and shows the
Actionpad in a frame. Nothing here imports the product.
"""
