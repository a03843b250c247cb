"""Everything that keeps a table from being adopted, collected so that all of it is reported at once."""


class Refused(Exception):
    """The table can't be adopted. `faults` are sentences that say what is wrong and what to do."""

    def __init__(self, faults):
        super().__init__("\n".join(faults))
        self.faults = list(faults)


class Faults(list):
    """Faults found so far."""

    def refuse(self):
        """Raises what was found, if anything was."""
        if self:
            raise Refused(self)
