"""Pictures, sounds, histograms and tables as the bytes of files, and the names that tell their step.

Knows no run and no store. Pillow, matplotlib, plotly and pandas are loaded when something of theirs is at hand.
"""
