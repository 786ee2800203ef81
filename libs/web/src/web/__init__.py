"""What every service with an HTTP door shares: identity, problems, typed routes, and the look of portal and console.

``README.md`` beside this package tells how to add a page, a form and a language.
"""
