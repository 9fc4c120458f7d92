"""Notices: what a person should know, in the app, and sent by channels. Written by reactions after the commit.

A notice holds no patient data: its text is a msgid with plain fields, and a path to look at.
May import access and below.
"""
