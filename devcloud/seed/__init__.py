"""What ``devcloud seed`` puts into a cloud; ``demo.yml`` is read by devcloud.inside.seeding."""
