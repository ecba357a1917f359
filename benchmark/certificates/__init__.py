"""Certificates: lower bounds of robust accuracy, where attacks give upper bounds."""

from benchmark.certificates.bounds import Certifier, certifier_of, certify_surface
from benchmark.certificates.moving import UncertifiableError

__all__ = ["Certifier", "UncertifiableError", "certifier_of", "certify_surface"]
