"""Tests of template.yaml and of what writes it. Run from the root of the repository."""

import json
import unittest

import template


class Source(unittest.TestCase):
    def setUp(self):
        self.source = template.SOURCE.read_text()
        self.description = json.loads(template.DESCRIPTION.read_text())

    def test_the_committed_template_is_what_the_source_gives(self):
        written = template.render(self.source, self.description)
        self.assertEqual(template.TEMPLATE.read_text(), written, "run `make template`")

    def test_a_path_of_the_description_becomes_a_route_to_its_function(self):
        self.description["paths"]["/v1/predict/{customer_id}/by-day"] = {"get": {"tags": ["predict"]}}
        written = template.render(self.source, self.description)
        route = written.split("  PredictCustomerIdByDayRoute:\n")[1].split("\n\n")[0]
        self.assertIn("RouteKey: ANY /v1/predict/{customer_id}/by-day\n", route)
        self.assertIn("Target: !Sub integrations/${PredictIntegration}\n", route)


if __name__ == "__main__":
    unittest.main()
