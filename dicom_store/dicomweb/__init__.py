"""The archive's DICOMweb doors: STOW-RS, QIDO-RS, WADO-RS. They speak HTTP and decide nothing about films themselves.

Source: DICOM PS3.18.
"""
