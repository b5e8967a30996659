"""The HTTP face of the verbs: thin routes, typed problems, one policy per route.

`opening` answers at once; `server` makes the app it opens to, and takes longer to import.
"""
