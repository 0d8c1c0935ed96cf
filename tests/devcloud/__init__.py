"""Tests of the development clouds."""
