"""A small Django site with a form behind Cap. `python -m tests.cap.django_project` serves it on a free port."""
