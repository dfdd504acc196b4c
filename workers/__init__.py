"""Everything that runs a job once the gate has handed it out."""
