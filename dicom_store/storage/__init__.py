"""Where films lie and how they are found: packs of encrypted bytes, and the index.

May import dicomjson, tagwalk, ports, model, config, errors.
"""
