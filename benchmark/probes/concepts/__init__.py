"""The probe for the reliability of concept activation vectors."""

from benchmark.probes.concepts.probe import ConceptsProbe
from benchmark.probes.concepts.settings import ConceptsSettings

__all__ = ["ConceptsProbe", "ConceptsSettings"]
