"""What people do on the platform, one function each: rules are checked, the store is called, an audit entry is written.

The JSON routes and the pages call the same functions. Nothing here knows HTTP; refusals are `errors`.
"""
