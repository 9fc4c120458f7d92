"""Machines of institutions: scanners that send films by DICOM, analysers that send lab reports by HL7.

Says which machine calls and for whom; may import people, audit, events and what lies below. Knows neither DICOM nor
HL7: a machine is a name and an address.
"""
