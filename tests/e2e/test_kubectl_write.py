"""An unmodified kubectl changes what is served: apply, create, edit, patch, scale, delete; and it is there after a restart."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import unittest

import harness
from harness import BIN, service

KUBECTL = shutil.which("kubectl")
SERVICES = "/apis/serving.knative.dev/v1/namespaces/default/services"
HOST = "%s.default.example.com"


@unittest.skipUnless(KUBECTL, "kubectl is not installed (Debian: kubernetes-client)")
class Writing(harness.TestCase):
    def setUp(self):
        self.gw = self.gateway(service("filed", scale={"max-scale": 2}))

    def kubectl(self, *words, status=0, stdin=None, **environment):
        done = subprocess.run([KUBECTL, "-s", f"http://127.0.0.1:{self.gw.admin}", *words], input=stdin, text=True,
                              capture_output=True, timeout=30, check=False,
                              env={**os.environ, "HOME": self.gw.folder, "KUBECONFIG": os.devnull, **environment})
        self.assertEqual(done.returncode, status, f"{done}\n{self.gw.tail()}")
        return done.stdout + done.stderr

    def apply(self, manifest, *words, **options):
        return self.kubectl("apply", *words, "-f", "-", stdin=json.dumps(manifest), **options)

    def get(self, name="made"):
        return json.loads(self.kubectl("get", "ksvc", name, "-o", "json"))

    def call(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.gw.admin, timeout=10)
        self.addCleanup(connection.close)
        connection.request(method, path, body if body is None or isinstance(body, (str, bytes)) else json.dumps(body),
                           {"Content-Type": kind} if body is not None else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def served(self, name="made", seconds=20):
        self.gw.wait(lambda: self.gw.generate(host=HOST % name).status == 200, f"{name} is served", seconds)

    def restart(self):
        self.gw.process.send_signal(signal.SIGTERM)
        self.gw.process.wait(10)
        self.gw.start()

    def test_apply_from_nothing_to_deleted(self):
        self.assertIn("ksvc/made created".replace("ksvc", "service.serving.knative.dev"), self.apply(service("made")))
        self.served()
        self.assertIn("unchanged", self.apply(service("made")))
        self.assertIn("configured", self.apply(service("made", scale={"max-scale": 1})))
        self.assertIn("condition met", self.kubectl("wait", "ksvc/made", "--for=condition=Ready", "--timeout=10s"))
        before = self.get()
        self.assertEqual(before["metadata"]["generation"], 2)
        self.assertEqual(before["metadata"]["annotations"]["pilotlight.dev/source"], "applied")
        self.restart()
        after = self.get()
        for field in ("uid", "generation", "creationTimestamp", "annotations"):
            self.assertEqual(after["metadata"][field], before["metadata"][field], field)
        self.assertEqual(after["spec"], before["spec"])
        self.served()
        self.assertIn("deleted", self.kubectl("delete", "ksvc", "made", "--timeout=10s"))
        self.assertIn("NotFound", self.kubectl("get", "ksvc", "made", status=1))
        self.assertEqual(self.gw.generate(host=HOST % "made").status, 404)
        self.restart()
        self.assertIn("NotFound", self.kubectl("get", "ksvc", "made", status=1))

    def test_server_side_apply_and_its_conflicts(self):
        self.assertIn("serverside-applied", self.apply(service("made"), "--server-side"))
        self.apply(service("made", scale={"max-scale": 4}), "--server-side")
        refused = self.apply(service("made", scale={"max-scale": 3}), "--server-side", "--field-manager=other", status=1)
        self.assertIn("conflict with \"kubectl\"", refused)
        self.apply(service("made", scale={"max-scale": 3}), "--server-side", "--field-manager=other", "--force-conflicts")
        notes = self.get()["spec"]["template"]["metadata"]["annotations"]
        self.assertEqual(notes["autoscaling.knative.dev/max-scale"], "3")
        # From client-side to server-side: kubectl rewrites managedFields itself.
        self.apply(service("both"))
        self.apply(service("both", scale={"max-scale": 7}), "--server-side")

    def test_create_edit_patch_label_annotate(self):
        self.assertIn("created", self.kubectl("create", "-f", "-", stdin=json.dumps(service("made"))))
        self.assertIn("AlreadyExists", self.kubectl("create", "-f", "-", stdin=json.dumps(service("made")), status=1))
        self.kubectl("label", "ksvc", "made", "team=art")
        self.kubectl("annotate", "ksvc", "made", "example.com/note=hello")
        self.kubectl("patch", "ksvc", "made", "--type=merge", "-p", '{"spec":{"template":{"spec":{"timeoutSeconds":77}}}}')
        self.kubectl("patch", "ksvc", "made", "--type=json",
                     "-p", '[{"op":"add","path":"/metadata/labels/by","value":"json"}]')
        self.assertIn("edited", self.kubectl("edit", "ksvc", "made", KUBE_EDITOR="sed -i s/timeoutSeconds:.77/timeoutSeconds:\\ 78/"))
        made = self.get()
        self.assertEqual(made["metadata"]["labels"], {"team": "art", "by": "json"})
        self.assertEqual(made["metadata"]["annotations"]["example.com/note"], "hello")
        self.assertEqual(made["spec"]["template"]["spec"]["timeoutSeconds"], 78)
        self.kubectl("get", "ksvc", "-l", "team=art", "-o", "name")
        self.assertIn("configured", self.kubectl("apply", "--dry-run=server", "-f", "-",
                                                 stdin=json.dumps(service("made", concurrency=3))))
        self.assertEqual(self.get()["spec"], made["spec"])
        self.kubectl("replace", "-f", "-", stdin=json.dumps(service("made", concurrency=2)))
        self.assertEqual(self.get()["spec"]["template"]["spec"]["containerConcurrency"], 2)

    def test_what_is_wrong_is_said_and_changes_nothing(self):
        wrong = service("made")
        wrong["spec"]["template"]["spec"]["containers"][0]["imagee"] = "x"
        # An old one finds it itself in our schema, a newer one is told.
        self.assertRegex(self.apply(wrong, status=1), 'unknown field "(spec.template.spec.containers\\[0\\].)?imagee"')
        self.assertIn("max-scale", self.apply(service("made", scale={"max-scale": "many"}), status=1))
        self.assertIn("NotFound", self.kubectl("get", "ksvc", "made", status=1))
        warned = self.apply(wrong, "--validate=warn" if harness.kubectl_minor() >= 27 else "--validate=false")
        self.assertIn('Warning: unknown field', warned)
        self.assertNotIn("imagee", json.dumps(self.get()["spec"]))
        # What means nothing here may be there, and so may what the server writes.
        much = service("made", serviceAccountName="sa", volumes=[{"name": "v", "emptyDir": {}}], enableServiceLinks=False,
                       container={"volumeMounts": [{"name": "v", "mountPath": "/v"}], "securityContext": {"runAsUser": 1},
                                  "imagePullPolicy": "IfNotPresent", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
                                  "env": [{"name": "A", "value": "b"}],
                                  "livenessProbe": {"httpGet": {"path": "/", "port": 7860}, "periodSeconds": 10}})
        self.apply(much)
        whole = self.kubectl("get", "ksvc", "made", "-o", "yaml")
        self.kubectl("replace", "-f", "-", stdin=whole)

    def test_many_are_deleted_at_once_and_a_name_is_made_up(self):
        for name in ("one", "two"):
            made = service(name)
            made["metadata"]["labels"] = {"team": "art"}
            self.apply(made)
        unnamed = service()
        unnamed["metadata"] = {"generateName": "draw-", "labels": {"team": "science"}}
        self.assertRegex(self.kubectl("create", "-f", "-", stdin=json.dumps(unnamed)), r"service.serving.knative.dev/draw-[a-z]{5} created")
        said = self.kubectl("delete", "ksvc", "-l", "team=art", "--timeout=10s")
        self.assertEqual(said.count("deleted"), 2, said)
        status, removed = self.call("DELETE", SERVICES + "?labelSelector=team")  # what clients without kubectl's loop do
        self.assertEqual((status, len(removed["items"])), (200, 1))
        self.assertEqual(self.kubectl("get", "ksvc", "-o", "name"), "service.serving.knative.dev/filed\n")
        refused = self.kubectl("delete", "ksvc", "--all", "--timeout=10s", status=1)
        self.assertIn("Forbidden", refused)

    def test_an_object_of_a_file_is_changed_there(self):
        refused = self.kubectl("label", "ksvc", "filed", "a=b", status=1)
        self.assertIn("service-0.yaml:1: change it there and reload", refused)
        self.assertIn("Forbidden", self.kubectl("delete", "ksvc", "filed", status=1))

    def test_scale_by_hand_overrides_the_autoscaler(self):
        self.assertIn("scaled", self.kubectl("scale", "ksvc", "filed", "--replicas=3"))
        self.gw.wait_for_ready(3)
        why = self.kubectl("get", "revisions", "-o", "wide")
        self.assertIn("pilotlight.dev/replicas wants 3 pods", why)
        self.restart()
        self.gw.wait_for_ready(3)
        done = subprocess.run([os.path.join(BIN, "pilotlight"), "scale", "filed", "--replicas", "0", "--server",
                               f"http://127.0.0.1:{self.gw.admin}"], capture_output=True, text=True, timeout=10, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "service.serving.knative.dev/filed scaled to 0\n"), done)
        self.gw.wait_for_no_pods()
        refused = self.gw.generate(host=HOST % "filed")
        self.assertEqual(refused.status, 503)
        self.assertIn(b"scaled this service to zero", refused.body)
        page = self.gw.request("GET", "/", host=HOST % "filed", headers={"Accept": "text/html"})
        self.assertEqual(page.status, 503)
        self.kubectl("annotate", "ksvc", "filed", "pilotlight.dev/replicas-")
        self.served("filed")
        self.assertLessEqual(len(self.gw.pods()), 2)

    def test_another_container_takes_over_and_no_request_is_lost(self):
        self.apply(service("made", scale={"min-scale": 1, "max-scale": 1}))
        self.served()
        first = self.get()["status"]["latestCreatedRevisionName"]
        slow = harness.concurrently(3, lambda i: self.gw.generate(host=HOST % "made") if i else self.apply(
            service("made", scale={"min-scale": 1, "max-scale": 1}, container={"args": ["--listen", "--api", "--medvram"]})))
        self.assertEqual([answer.status for answer in slow[1:]], [200, 200])
        self.assertNotEqual(self.get()["status"]["latestCreatedRevisionName"], first)
        self.served()

    def test_a_domain_mapping_by_kubectl(self):
        mapping = {"apiVersion": "serving.knative.dev/v1beta1", "kind": "DomainMapping",
                   "metadata": {"name": "draw.example.org"}, "spec": {"ref": {"kind": "Service", "name": "filed",
                                                                             "apiVersion": "serving.knative.dev/v1"}}}
        self.apply(mapping)
        self.gw.wait(lambda: self.gw.generate(host="draw.example.org").status == 200, "the mapped host is served")
        self.assertIn("draw.example.org", self.kubectl("get", "domainmappings"))
        self.kubectl("delete", "domainmapping", "draw.example.org", "--timeout=10s")
        self.assertEqual(self.gw.generate(host="draw.example.org").status, 404)

    def watch(self, query):
        """The lines of a watch, as they come."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gw.admin, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", f"{SERVICES}?{query}", headers={"Accept": "application/json, */*"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        return (json.loads(line) for line in answer)

    def test_kn_as_it_asks(self):
        """The requests of kn 1.50 (knative.dev/client pkg/serving/v1/client.go, pkg/commands), one after the other, and what it
        reads of their answers: service create, list, describe, update, apply, delete; revision list; route list."""
        root = SERVICES.rsplit("/", 1)[0]
        # service create: GET, POST, and is it ready?
        self.assertEqual(self.call("GET", SERVICES + "/made")[0], 404)
        status, made = self.call("POST", SERVICES, service("made"))
        self.assertEqual(status, 201)
        ready = {c["type"]: c["status"] for c in made["status"]["conditions"]}
        self.assertEqual((ready["Ready"], made["status"]["observedGeneration"]), ("True", made["metadata"]["generation"]))
        # service list [NAME]
        for query in ("", "?fieldSelector=metadata.name%3Dmade"):
            status, all_of = self.call("GET", SERVICES + query)
            self.assertEqual((status, all_of["kind"]), (200, "ServiceList"))
            one = next(item for item in all_of["items"] if item["metadata"]["name"] == "made")
            self.assertTrue(one["status"]["url"] and one["status"]["latestReadyRevisionName"] and one["metadata"]["creationTimestamp"])
        # service describe: of each target its revision, and then all others of the service
        status, made = self.call("GET", SERVICES + "/made")
        targets = [target["revisionName"] for target in made["status"]["traffic"]]
        self.assertEqual(targets, [made["status"]["latestReadyRevisionName"]])
        status, revision = self.call("GET", f"{root}/revisions/{targets[0]}")
        self.assertEqual(status, 200)
        self.assertEqual(revision["metadata"]["labels"]["serving.knative.dev/configurationGeneration"], "1")
        self.assertTrue(revision["spec"]["containers"][0]["image"])
        for query in ("", "?labelSelector=serving.knative.dev%2Fservice%3Dmade", f"?fieldSelector=metadata.name%3D{targets[0]}"):
            status, found = self.call("GET", f"{root}/revisions{query}")  # revision list [-s SERVICE] [NAME]
            self.assertEqual((status, found["kind"]), (200, "RevisionList"))
            self.assertIn(targets[0], [item["metadata"]["name"] for item in found["items"]])
            for item in found["items"]:
                self.assertIn(item["metadata"]["labels"]["serving.knative.dev/service"], ("made", "filed"))
                self.assertIn("Ready", [c["type"] for c in item["status"]["conditions"]])
        for query in ("", "?fieldSelector=metadata.name%3Dmade"):
            status, found = self.call("GET", f"{root}/routes{query}")  # route list [NAME]
            self.assertEqual((status, found["kind"]), (200, "RouteList"))
            route = next(item for item in found["items"] if item["metadata"]["name"] == "made")
            self.assertEqual(route["status"]["url"], made["status"]["url"])
        # service update: GET, PUT of what was read; again after a conflict; it has changed if the generation has
        lines = self.watch(f"fieldSelector=metadata.name%3Dmade&resourceVersion={made['metadata']['resourceVersion']}"
                           "&timeoutSeconds=630&watch=true")
        made["spec"]["template"]["spec"]["timeoutSeconds"] = 99
        status, after = self.call("PUT", SERVICES + "/made", made)
        self.assertEqual((status, after["metadata"]["generation"]), (200, 2))
        self.assertEqual(self.call("PUT", SERVICES + "/made", made)[0], 409)  # its resourceVersion is old now
        # and it waits for a MODIFIED in which the status is of this generation, and Ready
        for line in lines:
            self.assertEqual(line["type"], "MODIFIED")
            seen = line["object"]
            if seen["metadata"]["generation"] == seen["status"]["observedGeneration"] == 2:
                break
        self.assertIn(("Ready", "True"), [(c["type"], c["status"]) for c in seen["status"]["conditions"]])
        # service apply: GET and a merge patch; the answer tells by its status whether there was a change
        patch = {"spec": {"template": {"spec": {"timeoutSeconds": 98}}}}
        status, after = self.call("PATCH", SERVICES + "/made", patch, "application/merge-patch+json")
        self.assertEqual((status, after["metadata"]["generation"], after["status"]["observedGeneration"]), (200, 3, 2))
        # service delete: a watch, DELETE, and its end
        status, made = self.call("GET", SERVICES + "/made")
        lines = self.watch(f"fieldSelector=metadata.name%3Dmade&resourceVersion={made['metadata']['resourceVersion']}&watch=true")
        options = {"kind": "DeleteOptions", "apiVersion": "serving.knative.dev/v1", "propagationPolicy": "Foreground"}
        self.assertEqual(self.call("DELETE", SERVICES + "/made", options)[0], 200)
        self.assertIn("DELETED", (line["type"] for line in lines))
        self.assertEqual(self.call("GET", SERVICES + "/made")[0], 404)

    def test_hostile_bodies_are_refused_and_the_gateway_goes_on(self):
        for body in ("{" * 100_000, "[" * 100_000, '{"apiVersion":', b"\xff\xfe", "a: &a [*a]", ""):
            self.assertEqual(self.call("POST", SERVICES, body)[0], 400, body[:20])
        self.assertEqual(self.call("POST", SERVICES, "x" * (1 << 20) + "y")[0], 413)
        name = service("made")
        name["metadata"]["name"] = "../../etc/passwd"
        self.assertEqual(self.call("POST", SERVICES, name)[0], 422)
        name["metadata"] = {"name": "made", "namespace": "../x"}
        self.assertEqual(self.call("POST", SERVICES, name)[0], 400)
        self.assertEqual(self.call("GET", SERVICES)[0], 200)

    def test_a_damaged_file_is_set_aside_and_the_gateway_starts(self):
        self.apply(service("made"))
        self.apply(service("kept"))
        folder = os.path.join(self.gw.folder, "state", "applied")
        with open(os.path.join(folder, "default.Service.made.json"), "w", encoding="utf-8") as file:
            file.write('{"version":1,"obj')
        self.restart()
        self.assertIn("default.Service.made.json is damaged", self.gw.tail(400))
        self.assertIn("default.Service.made.json.damaged", os.listdir(folder))
        self.assertEqual(self.get("kept")["metadata"]["name"], "kept")

    def test_a_file_of_the_same_name_wins_and_that_is_said(self):
        self.apply(service("made", scale={"max-scale": 4}))
        self.gw.write("service-1", service("made", scale={"max-scale": 2}))
        self.gw.process.send_signal(signal.SIGHUP)
        self.gw.wait(lambda: self.get()["metadata"]["annotations"]["pilotlight.dev/source"].startswith("file "), "the file wins")
        self.assertIn("Shadowed", self.kubectl("get", "events"))
        os.remove(os.path.join(self.gw.manifests, "service-1.yaml"))
        self.gw.process.send_signal(signal.SIGHUP)
        self.gw.wait(lambda: self.get()["metadata"]["annotations"]["pilotlight.dev/source"] == "applied", "it is back")

    def test_a_change_that_cannot_be_kept_is_refused(self):
        folder = os.path.join(self.gw.folder, "state", "applied")
        with open(folder, "w", encoding="utf-8"):
            pass  # no folder can be made there
        self.assertIn("cannot be written", self.apply(service("made"), status=1))
        self.assertIn("NotFound", self.kubectl("get", "ksvc", "made", status=1))
        os.remove(folder)
        self.apply(service("made"))
