"""Runs that come from elsewhere, and go elsewhere: one Importer copies from a Source to a Target.

A Source is what can be read (a folder or a database of MLflow, files of TensorBoard and trackio, any Tracking), and
knows nothing of where its runs go. A Target is where they go (a store, a server). The rules of what is copied, in
which order, and what is there already stand once, in the Importer.
"""
