"""Who a host name leads to, and what a pod is told about its client."""
import harness
import wire
from harness import TXT2IMG, service
from recording_pod import RecordingPod, static

MAPPING = {"apiVersion": "serving.knative.dev/v1beta1", "kind": "DomainMapping",
           "metadata": {"name": "pictures.test.org"},
           "spec": {"ref": {"kind": "Service", "apiVersion": "serving.knative.dev/v1", "name": "two"}}}


class Routing(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one, cls.two = RecordingPod(name="one"), RecordingPod(name="two")
        cls.gw = harness.Gateway(service("one"), service("two"), MAPPING, driver=static(one=cls.one, two=cls.two))
        for host in ("one", "two"):  # a pod is there: the light kind of request wakes none
            cls.gw.generate(host=f"{host}.default.example.com")

    @classmethod
    def tearDownClass(cls):
        cls.gw.end()
        cls.one.close()
        cls.two.close()

    def reached(self, host):
        answer = self.gw.generate(host=host)
        self.assert_status(answer, 200, self.gw)
        return answer.json()["pod"]

    def test_the_host_chooses_the_service(self):
        self.assertEqual(self.reached("one.default.example.com"), "one")
        self.assertEqual(self.reached("two.default.example.com"), "two")
        self.assertEqual(self.reached("two.default.localhost"), "two")

    def test_port_case_and_one_trailing_dot_do_not_matter(self):
        for host in ("one.default.example.com:8080", "ONE.Default.Example.COM", "one.default.example.com.",
                     "One.default.example.com.:80"):
            self.assertEqual(self.reached(host), "one", host)

    def test_a_domain_mapping_leads_to_its_service(self):
        self.assertEqual(self.reached("pictures.test.org"), "two")
        self.assertEqual(self.reached("Pictures.Test.org:8080"), "two")

    def test_an_unknown_host_is_answered_404_with_its_name(self):
        answer = self.gw.generate(host="nobody.default.example.com")
        self.assertEqual(answer.status, 404)
        self.assertIn(b"nobody.default.example.com", answer.body)
        self.assertIn("error=destination_not_found", answer["proxy-status"])
        self.assertEqual(answer["content-type"], "application/problem+json")

    def test_a_browser_gets_a_page_and_the_host_in_it_is_escaped(self):
        answer = self.gw.request("GET", "/", host="nobody.example.com", headers={"Accept": "text/html"})
        self.assertEqual(answer.status, 404)
        self.assertTrue(answer["content-type"].startswith("text/html"))
        self.assertNotIn(b"<script", answer.body)

    def test_an_absolute_target_names_the_host(self):
        with self.gw.connect() as client:
            client.send(wire.request_text("POST", f"http://two.default.example.com{TXT2IMG}",
                                          host="two.default.example.com", body=b"{}"))
            answer = client.response()
        self.assert_status(answer, 200, self.gw)
        self.assertEqual(answer.json(), {"pod": "two", "target": TXT2IMG})

    def test_forged_forwarding_fields_do_not_reach_the_pod(self):
        self.gw.generate(host="one.default.example.com:8080", headers={
            "K-Original-Host": "evil", "k-revision": "evil", "Knative-Serving-Tag": "evil", "Forwarded": "for=evil",
            "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "gopher",
            "X-Forwarded-Prefix": "/evil", "X-Mine": "kept"})
        seen = self.one.seen[-1]
        self.assertNotIn("evil", seen.head)
        self.assertEqual(seen["x-mine"], "kept")
        self.assertEqual(seen["host"], "one.default.example.com:8080")
        self.assertEqual(seen["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(seen["x-forwarded-host"], "one.default.example.com:8080")
        self.assertEqual(seen["x-forwarded-proto"], "http")

    def test_the_pod_is_told_the_way_and_an_id_that_the_client_learns_too(self):
        answer = self.gw.generate(host="one.default.example.com")
        seen = self.one.seen[-1]
        self.assertIn("pilotlight", seen["via"])
        self.assertEqual(seen["x-request-id"], answer["x-request-id"])
        self.assertRegex(seen["traceparent"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")

    def test_fields_of_one_hop_stay_on_it(self):
        self.gw.generate(host="one.default.example.com", headers={
            "Connection": "close, X-Secret", "X-Secret": "hop", "Proxy-Authorization": "Basic eA==", "TE": "trailers"})
        self.assertFalse({"x-secret", "proxy-authorization", "te"} & self.one.seen[-1].names(), self.one.seen[-1].head)

    def test_credentials_for_the_pod_are_passed_untouched(self):
        self.gw.generate(host="one.default.example.com", headers={"Authorization": "Basic c2Q6c2Q="})
        self.assertEqual(self.one.seen[-1]["authorization"], "Basic c2Q6c2Q=")

    def test_a_path_is_passed_as_it_came(self):
        target = "//sdapi/v1/../v1/options?x=%2F%zz&y=a+b"
        self.assert_status(self.gw.request("GET", target, host="one.default.example.com"), 200, self.gw)
        self.assertEqual(self.one.seen[-1].target, target)
