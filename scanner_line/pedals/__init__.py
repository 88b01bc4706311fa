"""The pedals of a bench: what they may be, and what their switches ask of the station."""
