"""What the sandbox answers over HTTP: the documented refusals, state, faults, log. Standard library only.

usage: sandbox_test.py PATH_OF_SANDBOX_HOST
"""
import base64
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
import unittest
from email.utils import parsedate_to_datetime

HOST = None
TOKEN = "admin-token"


class Sandbox:
    """A running sandbox and one keep-alive connection to it."""

    def __init__(self, *options):
        self.process = subprocess.Popen([HOST, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.connection = self.connect()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def stop(self):
        self.connection.close()
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)

    def raw(self, method, path, body=None, token=TOKEN, headers=None, connection=None):
        connection = connection or self.connection
        all_headers = {"Authorization": "Bearer " + token} if token else {}
        if body is not None:
            all_headers["Content-Type"] = "application/json"
        all_headers.update(headers or {})
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, data, all_headers)
            response = connection.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def call(self, method, path, body=None, **more):
        """(status, code, JSON); code 0 where the answer holds none."""
        response, text = self.raw(method, path, body, **more)
        answer = json.loads(text)
        return response.status, answer.get("code", 0), answer

    def log(self, since=0, **query):
        text = "&".join(f"{k}={v}" for k, v in query.items())
        return self.call("GET", f"/__sandbox/log?since={since}&limit=100000&{text}")[2]["calls"]

    def fault(self, **fault):
        status, _, answer = self.call("POST", "/__sandbox/faults", fault)
        assert status == 200, answer


class Case(unittest.TestCase):
    options = ()

    def setUp(self):
        self.sandbox = Sandbox(*self.options)
        self.call = self.sandbox.call

    def tearDown(self):
        self.assertEqual(self.sandbox.stop(), 0)

    def expect(self, status, code, method, path, body=None, **more):
        answer = self.call(method, path, body, **more)
        self.assertEqual(answer[:2], (status, code), f"{method} {path}: {answer[2]}")
        return answer[2]


FLAGS = {
    "message": [("POST", "/api/v5/messages/x/flags"), ("DELETE", "/api/v5/messages/x/flags"),
                ("DELETE", "/api/v5/messages/x/flags/all")],
    "post": [("POST", "/api/v3/posts/x/flag"), ("DELETE", "/api/v3/posts/x/unflag"),
             ("DELETE", "/api/v3/posts/x/flags")],
    "comment": [("POST", "/api/v3/comments/x/flag"), ("DELETE", "/api/v3/comments/x/unflag"),
                ("DELETE", "/api/v3/comments/x/flags")],
    "story": [("POST", "/api/v4/stories/x/flags"), ("DELETE", "/api/v4/stories/x/flags"),
              ("DELETE", "/api/v4/stories/x/flags/all")],
    "user": [("POST", "/api/v4/me/flags/x"), ("DELETE", "/api/v4/me/flags/x"), ("DELETE", "/api/v2/users/x/flags")],
}
CONTENT = {"message": "/api/v5/messages/", "post": "/api/v4/posts/", "comment": "/api/v4/comments/",
           "story": "/api/v4/stories/"}


class Content(Case):
    def count(self, kind):
        return self.expect(200, 0, "GET", f"/__sandbox/objects/{kind}/x")["flagCount"]

    def test_flags(self):
        for kind, (flag, unflag, clear) in FLAGS.items():
            body = {"commentId": "x"} if kind == "comment" else None
            self.expect(200, 0, *flag, body)
            self.assertIn("already exceed", self.expect(403, 400300, *flag, body)["message"])
            self.assertEqual(self.count(kind), 1)
            self.expect(200, 0, *unflag)
            self.assertEqual(self.count(kind), 0)
            self.expect(200, 0, *flag, body)
            self.expect(200, 0, *clear)
            self.assertEqual(self.count(kind), 0)
        self.expect(200, 0, "POST", "/api/v5/messages/x/flags")
        self.expect(403, 400300, "POST", "/api/v3/messages/x/flag")  # the older path, the same flag

    def test_flags_are_per_flagger(self):
        users = [self.expect(200, 0, "POST", "/api/v4/sessions", {"userId": u, "deviceId": u}, token=None,
                             headers={"x-api-key": "the-key"})["accessToken"] for u in ("ann", "bob")]
        for token in (TOKEN, *users):
            self.expect(200, 0, "POST", "/api/v5/messages/x/flags", token=token)
            self.expect(403, 400300, "POST", "/api/v5/messages/x/flags", token=token)
        self.assertEqual(self.count("message"), 3)

    def test_comment_flag_needs_its_id(self):
        self.expect(422, 500000, "POST", "/api/v3/comments/c1/flag")
        self.expect(422, 500000, "POST", "/api/v3/comments/c1/flag", {"commentId": "c2"})
        self.expect(200, 0, "POST", "/api/v3/comments/c1/flag", {"commentId": "c1"})

    def test_hide_and_delete(self):
        for kind, path in CONTENT.items():
            self.expect(422, 500000, "DELETE", path + "x?permanent=maybe")
            self.expect(200, 0, "DELETE", path + "x?permanent=false")
            self.expect(404, 400400, "DELETE", path + "x?permanent=false")
            self.expect(404, 400400, *FLAGS[kind][0], {"commentId": "x"} if kind == "comment" else None)
            self.expect(200, 0, "DELETE", path + "x?permanent=true")
            self.expect(404, 400400, "DELETE", path + "x?permanent=true")
        calls = self.sandbox.log()
        self.assertEqual([c["action"] for c in calls if c["executed"]], ["hide", "delete"] * 4)

    def test_edit_and_review(self):
        for path in ("/api/v5/messages/x", "/api/v4/posts/x", "/api/v3/comments/x"):
            self.expect(200, 0, "PUT", path, {"data": {"text": "***"}})
            self.expect(422, 500000, "PUT", path, {})
            self.expect(422, 500000, "PUT", path, {"data": "***"})
        state = self.expect(200, 0, "GET", "/__sandbox/objects/message/x")
        self.assertEqual((state["editCount"], state["edited"]["data"]["text"]), (1, "***"))
        self.expect(200, 0, "POST", "/api/v3/posts/x/approve")
        self.expect(403, 400315, "POST", "/api/v3/posts/x/approve")
        self.expect(200, 0, "POST", "/api/v3/posts/x/decline")
        self.expect(403, 400315, "POST", "/api/v3/posts/x/decline")

    def test_ids_are_decoded(self):
        self.expect(200, 0, "POST", "/api/v5/messages/a%2Fb%20%C3%BC/flags")
        call = self.sandbox.log()[-1]
        self.assertEqual((call["object_id"], call["path"]), ("a/b ü", "/api/v5/messages/a%2Fb%20%C3%BC/flags"))
        self.expect(200, 0, "GET", "/__sandbox/objects/message/a%2Fb%20%C3%BC")
        for bad in ("%00", "%zz", "a%2"):
            self.expect(400, 400000, "POST", f"/api/v5/messages/{bad}/flags")


class Users(Case):
    def test_global_ban(self):
        ban, unban = ("POST", "/api/v2/users/ban"), ("POST", "/api/v2/users/unban")
        self.expect(403, 400316, *unban, {"userId": "u"})
        self.expect(200, 0, *ban, {"userId": "u"})
        self.expect(403, 400312, *ban, {"userId": "u"})
        self.assertTrue(self.expect(200, 0, "GET", "/api/v3/users/u")["users"][0]["isGlobalBan"])
        self.expect(200, 0, *unban, {"userId": "u"})
        self.expect(403, 400316, *unban, {"userId": "u"})
        for body in (None, {}, {"userId": ""}, {"userId": 7}, {"userId": "x" * 51}):
            self.expect(422, 500000, *ban, body)
        self.expect(200, 0, *ban, {"userId": "k"}, token=None, headers={"x-api-key": "the-key"})
        self.expect(401, 400100, *ban, {"userId": "k"}, token=None, headers={"x-api-key": "another"})

    def test_bans_in_places(self):
        for place in ("channels", "communities"):
            ban, unban = ("PUT", f"/api/v3/{place}/p/users/ban"), ("PUT", f"/api/v3/{place}/p/users/unban")
            self.expect(403, 400316, *unban, {"userIds": ["a"]})
            self.expect(200, 0, *ban, {"userIds": ["a", "b"]})
            self.expect(403, 400304, *ban, {"userIds": ["a"]})
            self.expect(200, 0, *ban, {"userIds": ["a", "c"]})  # new to c
            self.expect(200, 0, *ban, {"userIds": [f"u{i}" for i in range(100)]})
            self.expect(400, 400000, *ban, {"userIds": [f"u{i}" for i in range(101)]})
            for body in (None, {}, {"userIds": []}, {"userIds": "a"}, {"userIds": [1]}, {"userIds": [""]}):
                self.expect(422, 500000, *ban, body)
            self.expect(200, 0, *unban, {"userIds": ["a"]})
            member = self.expect(200, 0, "GET", f"/__sandbox/objects/{place}/p/members/a")
            self.assertFalse(member["isBanned"])
            members = self.expect(200, 0, "GET", f"/__sandbox/objects/{place}/p/members")["members"]
            self.assertEqual(sum(m["isBanned"] for m in members), 102)

    def test_exempt_users(self):
        self.expect(200, 0, "POST", "/__sandbox/objects", {"users": [{"userId": "boss", "exempt": True}]})
        self.expect(403, 400306, "POST", "/api/v2/users/ban", {"userId": "boss"})
        self.expect(403, 400306, "PUT", "/api/v3/channels/c/users/ban", {"userIds": ["ann", "boss"]})
        self.assertFalse(self.expect(200, 0, "GET", "/__sandbox/objects/channel/c/members/ann")["isBanned"])

    def test_mute(self):
        mute = ("PUT", "/api/v2/channel/c/users/mute")
        before = int(time.time() * 1000)
        self.expect(200, 0, *mute, {"userIds": ["a"], "mutePeriod": 60000})
        until = self.expect(200, 0, "GET", "/__sandbox/objects/channel/c/members/a")["mutedUntil"]
        self.assertTrue(before + 60000 <= until <= int(time.time() * 1000) + 60000)
        self.expect(200, 0, *mute, {"userIds": ["a"], "mutePeriod": 0})
        self.assertEqual(self.expect(200, 0, "GET", "/__sandbox/objects/channel/c/members/a")["mutedUntil"], 0)
        for body in ({"userIds": ["a"]}, {"userIds": ["a"], "mutePeriod": "1"}, {"userIds": ["a"], "mutePeriod": -2},
                     {"mutePeriod": 5}):
            self.expect(422, 500000, *mute, body)
        self.expect(200, 0, "PUT", "/api/v2/channel/c/mute", {"mutePeriod": -1})
        self.assertEqual(self.expect(200, 0, "GET", "/__sandbox/objects/channel/c")["mutedUntil"], -1)
        self.assertEqual([c["action"] for c in self.sandbox.log() if c["executed"]], ["mute", "unmute", "mute_channel"])

    def test_remove(self):
        for place in ("channels", "communities"):
            for query in ("userIds=a&userIds=b", "userIds[]=c", "userIds=d,e%2Cf"):
                self.expect(200, 0, "DELETE", f"/api/v3/{place}/p/users?{query}")
            for user in ("a", "b", "c", "d", "e%2Cf"):
                member = self.expect(200, 0, "GET", f"/__sandbox/objects/{place}/p/members/{user}")
                self.assertTrue(member["isRemoved"])
            self.expect(422, 500000, "DELETE", f"/api/v3/{place}/p/users")
            many = "&".join(f"userIds=u{i}" for i in range(101))
            self.expect(400, 400000, "DELETE", f"/api/v3/{place}/p/users?{many}")

    def test_delete_and_edit_user(self):
        self.expect(200, 0, "PUT", "/api/v3/users", {"userId": "u", "displayName": "Übel", "roles": ["mod"]})
        user = self.expect(200, 0, "GET", "/api/v3/users/list?userIds=u&userIds=v")["users"][0]
        self.assertEqual((user["displayName"], user["roles"]), ("Übel", ["mod"]))
        self.expect(200, 0, "DELETE", "/api/v4/users/u?deleteAll=true")
        answer = self.expect(400, 400000, "DELETE", "/api/v4/users/u")
        self.assertEqual(answer["message"], "User is already deleted")
        self.expect(404, 400400, "GET", "/api/v3/users/u")


class Sessions(Case):
    def open(self, user, device):
        return self.expect(200, 0, "POST", "/api/v4/sessions", {"userId": user, "deviceId": device}, token=None,
                           headers={"x-api-key": "the-key"})["accessToken"]

    def test_life_of_a_session(self):
        for key in (None, "wrong"):
            self.expect(401, 400100, "POST", "/api/v4/sessions", {"userId": "a", "deviceId": "d"}, token=None,
                        headers={"x-api-key": key} if key else {})
        for body in ({"userId": "a"}, {"userId": "a", "deviceId": "x" * 151}, {"userId": "x" * 51, "deviceId": "d"}):
            self.expect(422, 500000, "POST", "/api/v4/sessions", body, token=None, headers={"x-api-key": "the-key"})
        token = self.open("ann", "phone")
        self.expect(200, 0, "GET", "/api/v3/sessions", token=token)
        self.assertEqual(self.expect(200, 0, "GET", "/api/v3/users/me", token=token)["users"][0]["userId"], "ann")
        self.expect(403, 400301, "POST", "/api/v2/users/ban", {"userId": "bob"}, token=token)
        self.open("bob", "phone")  # another user on the same device
        self.expect(401, 400100, "GET", "/api/v3/sessions", token=token)

    def test_revoke_and_ban(self):
        for revoke in ("/api/v4/sessions?userId=ann&isPublic=true", "/api/v4/sessions/users/ann?isPublic=true"):
            token = self.open("ann", "phone")
            self.expect(200, 0, "DELETE", revoke)
            self.expect(401, 400100, "GET", "/api/v3/sessions", token=token)
        token = self.open("ann", "phone")
        self.expect(200, 0, "DELETE", "/api/v4/sessions", {"userId": "ann"})
        self.expect(401, 400100, "GET", "/api/v3/sessions", token=token)
        token = self.open("ann", "phone")
        self.expect(403, 400301, "DELETE", "/api/v4/sessions?userId=bob", token=token)
        self.expect(200, 0, "POST", "/api/v2/users/ban", {"userId": "ann"})
        self.expect(403, 400312, "GET", "/api/v3/sessions", token=token)
        self.expect(403, 400312, "POST", "/api/v4/sessions", {"userId": "ann", "deviceId": "d"}, token=None,
                    headers={"x-api-key": "the-key"})
        revokes = [c for c in self.sandbox.log(action="revoke_sessions") if c["executed"]]
        self.assertEqual([c["user_ids"] or [c["object_id"]] for c in revokes], [["ann"]] * 3)

    def test_without_a_user_the_callers_own_token_ends(self):
        self.expect(200, 0, "DELETE", "/api/v4/sessions")
        self.expect(401, 400100, "GET", "/api/v3/sessions")


class Refusals(Case):
    def test_tokens(self):
        for token in (None, "wrong", "", TOKEN + "x", TOKEN[:-1]):
            self.expect(401, 400100, "POST", "/api/v5/messages/m/flags", token=token)
        self.expect(401, 400100, "POST", "/api/v5/messages/m/flags", token=None,
                    headers={"Authorization": "Basic " + base64.b64encode(TOKEN.encode()).decode()})
        self.assertEqual(self.call("GET", "/__sandbox/objects/message/m")[0], 404)

    def test_rotation_revocation_expiry_and_permissions(self):
        flag = ("POST", "/api/v4/me/flags/u")
        self.expect(200, 0, "POST", "/__sandbox/tokens", {"name": "new", "token": "new-token"})
        self.expect(200, 0, "POST", "/__sandbox/tokens/revoke", {"name": "admin", "grace_ms": 600})
        self.expect(200, 0, *flag)
        self.expect(403, 400300, *flag, token="new-token")  # the same administrator
        time.sleep(0.7)
        self.expect(401, 400100, *flag)
        self.expect(403, 400300, *flag, token="new-token")
        self.assertEqual([c["token"] for c in self.sandbox.log()], ["admin", "new", "", "new"])
        self.expect(200, 0, "POST", "/__sandbox/tokens", {"name": "short", "token": "short", "expires_in_ms": 0})
        self.expect(401, 400100, *flag, token="short")
        self.expect(200, 0, "POST", "/__sandbox/tokens", {"name": "part", "token": "part", "permissions": ["flag"]})
        self.expect(200, 0, "POST", "/api/v5/messages/m9/flags", token="part")
        self.expect(403, 400301, "DELETE", "/api/v5/messages/m9", token="part")
        self.expect(404, 400000, "POST", "/__sandbox/tokens/revoke", {"name": "nobody"})

    def test_paths_and_methods(self):
        for path in ("/", "/api", "/api/v5/messages//flags", "/api/v5/messages/m/flags/", "/api/v9/messages/m/flags",
                     "/api/v3/a/b/c/d/e/f/g/h", "/__sandbox/nothing"):
            self.expect(404, 400400, "POST", path)
        self.expect(405, 400400, "GET", "/api/v5/messages/m/flags")
        self.expect(405, 400400, "POST", "/api/v3/channels/c/users/ban", {"userIds": ["a"]})
        self.expect(405, 400400, "PUT", "/__sandbox/log")

    def test_bodies(self):
        ban = ("POST", "/api/v2/users/ban")
        for body in (b"{", b"[]", b"nonsense", b'{"userId":"a","userId":"b"}', b'"a"'):
            answer = self.expect(422, 500000, *ban, body)
            self.assertEqual(answer["message"], "parameters validation error")
        self.expect(422, 500000, *ban, b'{"userId":"a"}', headers={"Content-Type": "text/plain"})
        self.expect(413, 400000, *ban, b'{"userId":"' + b"a" * (1 << 20) + b'"}')
        self.expect(200, 0, *ban, b'{"userId":"a"}', headers={"Content-Type": "application/json; charset=utf-8"})

    def test_huge_head_is_refused(self):
        response, _ = self.sandbox.raw("GET", "/api/v3/users/" + "x" * 60000)
        self.assertIn(response.status, (413, 414, 431))
        self.sandbox.connection.close()
        self.expect(200, 0, "GET", "/api/v3/users/x")

    def test_strict_objects(self):
        self.expect(200, 0, "PUT", "/__sandbox/settings", {"strict_objects": True})
        self.expect(200, 0, "POST", "/__sandbox/objects", {"messages": ["m1"], "users": ["u1"], "channels": ["c1"]})
        self.expect(200, 0, "POST", "/api/v5/messages/m1/flags")
        self.expect(404, 400400, "POST", "/api/v5/messages/m2/flags")
        self.expect(200, 0, "PUT", "/api/v3/channels/c1/users/ban", {"userIds": ["u1"]})
        self.expect(404, 400400, "PUT", "/api/v3/channels/c2/users/ban", {"userIds": ["u1"]})
        self.expect(404, 400400, "PUT", "/api/v3/channels/c1/users/ban", {"userIds": ["u2"]})
        self.assertEqual(self.sandbox.log()[-1]["outcome"], "refused")


class Settings(Case):
    def test_prehook_secret_is_shown_once(self):
        path = "/api/v3/network-settings/prehook"
        self.assertFalse(self.expect(200, 0, "GET", path)["enabled"])
        body = {"enabled": True, "callbackUrl": "https://example.org/hook", "defaultAction": "deny"}
        first = self.expect(200, 0, "PUT", path, body)["secretKey"]
        self.assertNotIn("secretKey", self.expect(200, 0, "PUT", path, body))
        self.assertNotIn("secretKey", self.expect(200, 0, "GET", "/api/v3/network/settings/prehook"))
        again = self.expect(200, 0, "PUT", path, {**body, "regenerateKey": True})["secretKey"]
        self.assertNotEqual(first, again)
        for wrong in ({}, {"enabled": 1}, {**body, "callbackUrl": "x" * 901}, {**body, "defaultAction": "maybe"}):
            self.expect(422, 500000, "PUT", path, wrong)

    def test_sections_are_merged(self):
        for section in ("moderation", "social", "chat", "users", "feed-setting"):
            path = f"/api/v3/network-settings/{section}"
            self.expect(200, 0, "PUT", path, {"a": 1})
            self.expect(200, 0, "PUT", path, {"b": section})
            self.assertEqual(self.expect(200, 0, "GET", path), {"a": 1, "b": section})
        self.expect(422, 500000, "PUT", "/api/v3/network-settings/webhook", {"webhookEnabled": "yes"})
        self.expect(200, 0, "PUT", "/api/v3/network-settings/webhook", {"webhookEnabled": True})
        self.expect(200, 0, "PUT", "/api/v2/moderation-settings", {"maxRepetition": 9})
        self.assertEqual(self.expect(200, 0, "GET", "/api/v2/moderation-settings")["maxRepetition"], 9)
        path = "/v1/content-moderation/confidences"
        self.expect(200, 0, "PUT", path, {"category": "violence", "flagConfidence": 10, "blockConfidence": 20,
                                          "moderationType": "media"})
        categories = {r["category"]: r["flagConfidence"] for r in self.expect(200, 0, "GET", path)["results"]}
        self.assertEqual(categories["violence"], 10)
        self.assertEqual(categories["toxicity"], 40)

    def test_lists_are_paged(self):
        for name in ("blocklists", "allowlists"):
            path = f"/api/v3/{name}"
            words = [f"w{i}" for i in range(90)]
            self.expect(200, 0, "POST", path + "/verify", {"regexs": words})
            self.expect(200, 0, "POST", path, {"regexs": words, "isMatchExactWord": True})
            found, token = [], ""
            while token is not None:
                page = self.expect(200, 0, "GET", f"{path}?options[limit]=40&options[token]={token}")
                found += [r["regex"] for r in page["results"]]
                token = page["paging"].get("next")
            self.assertEqual(found, words)
            for wrong in ({}, {"regexs": []}, {"regexs": ["x"] * 101}, {"regexs": ["x" * 501]}, {"regexs": [""]}):
                self.expect(422, 500000, "POST", path, wrong)
            self.expect(422, 500000, "GET", path + "?options[limit]=0")
            self.expect(422, 500000, "GET", path + "?options[token]=p91")

    def test_report(self):
        path = "/api/v1/reports/user-last-activity"
        self.expect(400, 400000, "GET", path)
        self.expect(200, 0, "POST", "/__sandbox/objects", {"users": {"count": 5000, "prefix": "u"}})
        self.expect(200, 0, "POST", "/__sandbox/objects", {"users": [{"userId": "q", "displayName": 'a,"b'}]})
        response, text = self.sandbox.raw("GET", path)
        lines = text.decode().splitlines()
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/csv; charset=utf-8"))
        self.assertEqual(lines[0], "user_id,user_public_id,display_name,last_active_utc")
        self.assertEqual(len(lines), 5002)
        self.assertIn(',"a,""b",null', [x for x in lines if x.startswith("q,")][0])

    def test_communities(self):
        self.expect(200, 0, "POST", "/__sandbox/objects", {"communities": ["a", "b"]})
        found = self.expect(200, 0, "GET", "/api/v3/communities")["communities"]
        self.assertEqual(sorted(c["communityId"] for c in found), ["a", "b"])


class Faults(Case):
    def test_statuses_and_retry_after(self):
        forms = {"7": 7, "soon": "soon", None: "none", "99999999999999999999": "absurd"}
        for header, value in forms.items():
            self.sandbox.fault(status=429, retry_after=value, count=1)
            response, text = self.sandbox.raw("POST", "/api/v5/messages/m/flags")
            self.assertEqual((response.status, json.loads(text)["code"]), (429, 400311))
            self.assertEqual(response.headers["Retry-After"], header)
        self.sandbox.fault(status=503, retry_after={"date_in_s": 100}, count=1)
        response, _ = self.sandbox.raw("POST", "/api/v5/messages/m/flags")
        left = parsedate_to_datetime(response.headers["Retry-After"]).timestamp() - time.time()
        self.assertTrue(90 < left <= 101, left)
        for status, code in ((500, 500000), (401, 400100), (403, 400301), (404, 400400), (400, 400000)):
            self.sandbox.fault(status=status, count=1)
            self.expect(status, code, "POST", "/api/v5/messages/m/flags")
        calls = self.sandbox.log()
        self.assertEqual({(c["outcome"], c["executed"]) for c in calls}, {("faulted", False)})
        self.assertEqual(self.call("GET", "/__sandbox/objects/message/m")[0], 404)

    def test_filters_and_clearing(self):
        self.sandbox.fault(status=500, action="ban", user="bob")
        self.sandbox.fault(status=502, method="DELETE", path="/api/v5/*")
        self.expect(200, 0, "PUT", "/api/v3/channels/c/users/ban", {"userIds": ["ann"]})
        self.expect(500, 500000, "PUT", "/api/v3/channels/c/users/ban", {"userIds": ["carl", "bob"]})
        self.expect(500, 500000, "POST", "/api/v2/users/ban", {"userId": "bob"})
        self.expect(200, 0, "POST", "/api/v5/messages/m/flags")
        self.expect(502, 500000, "DELETE", "/api/v5/messages/m")
        self.expect(200, 0, "DELETE", "/__sandbox/faults")
        self.expect(200, 0, "DELETE", "/api/v5/messages/m")
        self.assertEqual(self.expect(200, 0, "GET", "/__sandbox/faults")["faults"], [])
        self.assertIn("shar", self.expect(400, 400000, "POST", "/__sandbox/faults", {"status": 500, "shar": 1})["message"])

    def test_executed_and_then(self):
        """The action is carried out, and the client does not learn of it."""
        for number, (kind, more) in enumerate({"reset": {}, "cut_body": {}, "broken_json": {}, "status": {"status": 502},
                                               "hang": {"pause_ms": 50}}.items()):
            self.sandbox.fault(kind=kind, count=1, execute=True, **more)
            try:
                response, text = self.sandbox.raw("POST", f"/api/v5/messages/m{number}/flags")
                if kind == "broken_json":
                    self.assertEqual(response.status, 200)
                    self.assertRaises(ValueError, json.loads, text)
                else:
                    self.assertEqual(kind, "status")
            except http.client.IncompleteRead:
                self.assertEqual(kind, "cut_body")
            except http.client.RemoteDisconnected:  # an orderly end
                self.assertEqual(kind, "hang")
            except ConnectionResetError:
                self.assertEqual(kind, "reset")
            self.expect(403, 400300, "POST", f"/api/v5/messages/m{number}/flags")
            call = self.sandbox.log()[-2]
            self.assertEqual((call["outcome"], call["executed"], call["fault"]), ("faulted", True, kind))
        stats = self.expect(200, 0, "GET", "/__sandbox/stats")
        self.assertEqual(stats["actions"]["flag"], {"carried_out": 5, "done": 0, "already": 5, "refused": 0, "faulted": 5})

    def test_reset_before_execution(self):
        self.sandbox.fault(kind="reset", count=1)
        with self.assertRaises(ConnectionResetError) as caught:
            self.sandbox.raw("POST", "/api/v5/messages/m/flags")
        self.assertNotIsInstance(caught.exception, http.client.RemoteDisconnected)
        self.expect(200, 0, "POST", "/api/v5/messages/m/flags")

    def test_bodies(self):
        self.sandbox.fault(kind="huge_body", bytes=5000000, count=1)
        response, text = self.sandbox.raw("GET", "/api/v3/users/u")
        self.assertEqual((response.status, len(text)), (200, 5000000))
        self.assertEqual(list(json.loads(text)), ["padding"])
        self.sandbox.fault(kind="huge_body", bytes=5000000, count=1)
        self.expect(200, 0, "DELETE", "/api/v5/messages/huge?permanent=false")
        self.sandbox.fault(kind="huge_body", bytes=5000000, count=1)  # of a refusal it makes no success
        self.expect(404, 400400, "DELETE", "/api/v5/messages/huge?permanent=false")
        self.sandbox.fault(kind="slow_body", bytes=20, pause_ms=5, count=1)
        began = time.monotonic()
        user = self.expect(200, 0, "GET", "/api/v3/users/u")
        self.assertEqual(user["users"][0]["userId"], "u")
        self.assertGreater(time.monotonic() - began, 0.03)
        self.sandbox.fault(kind="close", count=1)
        response, _ = self.sandbox.raw("GET", "/api/v3/users/u")
        self.assertEqual(response.headers["Connection"].lower(), "close")

    def test_client_that_goes_away_is_noticed(self):
        """A retry after the client's own deadline does not look like an overlap with the first try."""
        for kind, more in (("hang", {}), ("slow", {"latency_ms": 60000}), ("slow_body", {"pause_ms": 60000})):
            self.sandbox.fault(kind=kind, count=1, **more)
            with socket.create_connection(("127.0.0.1", self.sandbox.port)) as client:
                client.sendall(b"POST /api/v5/messages/%s/flags HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                               b"Content-Length: 0\r\n\r\n" % (kind.encode(), TOKEN.encode()))
                while not [c for c in self.sandbox.log() if c["object_id"] == kind]:
                    time.sleep(0.01)
            self.call("POST", f"/api/v5/messages/{kind}/flags")
            first, second = [c for c in self.sandbox.log() if c["object_id"] == kind]
            self.assertTrue(first["gone"] and not first["answered"], first)
            self.assertLess(first["end"], second["start"])


class Slow(Case):
    options = ("latency_min_ms=50", "latency_max_ms=50")

    def test_a_thousand_at_a_time(self):
        count, rounds = 1000, 3
        clients = []
        for number in range(count):
            client = socket.create_connection(("127.0.0.1", self.sandbox.port), timeout=30)
            clients.append(client)
        began = time.monotonic()
        for turn in range(rounds):
            for number, client in enumerate(clients):
                client.sendall(b"POST /api/v5/messages/m%d-%d/flags HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                               b"Content-Length: 0\r\n\r\n" % (turn, number, TOKEN.encode()))
            for client in clients:
                self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200"))
        took = time.monotonic() - began
        for client in clients:
            client.close()
        # One after the other would take 150 s.
        self.assertLess(took, 50)
        self.assertGreaterEqual(took, rounds * 0.05)
        calls = self.sandbox.log()
        self.assertEqual(sum(c["executed"] for c in calls), count * rounds)
        ends = sorted([(c["start"], 1) for c in calls] + [(c["end"], -1) for c in calls])
        running = most = 0
        for _, step in ends:
            running += step
            most = max(most, running)
        self.assertGreater(most, 100)
        self.assertLessEqual(most, count)


class Log(Case):
    options = ("log_limit=50", "log_body_limit=8")

    def test_what_it_tells_and_what_not(self):
        self.expect(200, 0, "PUT", "/api/v3/channels/c/users/ban?x=1", {"userIds": ["a", "b"]},
                    headers={"Idempotency-Key": "t/0/1/ban", "X-Api-Key": "the-key", "User-Agent": "tests/1"})
        response, text = self.sandbox.raw("GET", "/__sandbox/log")
        for secret in (TOKEN, "the-key", "Bearer"):
            self.assertNotIn(secret.encode(), text)
        call = json.loads(text)["calls"][0]
        wanted = {"n": 1, "method": "PUT", "path": "/api/v3/channels/c/users/ban", "query": "x=1", "body": '{"userId',
                  "body_bytes": 23, "idempotency_key": "t/0/1/ban", "token": "admin", "action": "ban", "status": 200,
                  "object_id": None, "place_type": "channel", "place_id": "c", "user_ids": ["a", "b"], "code": 0,
                  "outcome": "done", "executed": True, "answered": True, "gone": False,
                  "headers": {"content-type": "application/json", "user-agent": "tests/1", "x-api-key": True}}
        self.assertEqual({k: call[k] for k in wanted}, wanted)
        self.assertLess(call["start"], call["end"])

    def test_paging_limit_and_reset(self):
        for number in range(120):
            self.expect(200, 0, "POST", f"/api/v5/messages/m{number}/flags")
        answer = self.expect(200, 0, "GET", "/__sandbox/log?since=0&limit=20")
        self.assertEqual([c["n"] for c in answer["calls"]], list(range(71, 91)))
        self.assertEqual((answer["next"], answer["last"], answer["dropped"]), (90, 120, 70))
        answer = self.expect(200, 0, "GET", f"/__sandbox/log?since={answer['next']}")
        self.assertEqual([c["n"] for c in answer["calls"]], list(range(91, 121)))
        self.assertEqual(self.expect(200, 0, "GET", "/__sandbox/log?since=120")["calls"], [])
        self.assertEqual(self.sandbox.log(action="ban"), [])
        self.expect(200, 0, "DELETE", "/__sandbox/log")
        self.assertEqual(self.sandbox.log(), [])
        self.assertEqual(self.expect(200, 0, "GET", "/__sandbox/stats")["received"], 0)
        self.expect(403, 400300, "POST", "/api/v5/messages/m1/flags")  # state stays
        self.assertEqual(self.sandbox.log()[0]["n"], 121)

    def test_webhooks_are_recorded(self):
        self.expect(200, 0, "POST", "/__sandbox/webhooks/moderators", {"decision": 1}, token=None)
        call = self.sandbox.log()[-1]
        self.assertEqual((call["action"], call["object_id"], call["executed"]), ("notify", "moderators", True))
        self.sandbox.fault(status=500, action="notify", count=1)
        self.expect(500, 500000, "POST", "/__sandbox/webhooks/moderators", {"decision": 1}, token=None)

    def test_many_threads(self):
        def work(name):
            connection = self.sandbox.connect()
            for number in range(50):
                self.sandbox.raw("POST", f"/api/v5/messages/{name}-{number}/flags", connection=connection)
            connection.close()
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stats = self.expect(200, 0, "GET", "/__sandbox/stats")
        self.assertEqual(stats["actions"]["flag"]["carried_out"], 400)


class Elsewhere(unittest.TestCase):
    def test_its_own_calls_are_for_loopback_only(self):
        address = other_address()
        if not address:
            self.skipTest("this machine has no address but loopback")
        sandbox = Sandbox("address=0.0.0.0")
        outside = http.client.HTTPConnection(address, sandbox.port, timeout=10, source_address=(address, 0))
        self.assertEqual(sandbox.call("GET", "/__sandbox/log", connection=outside)[:2], (403, 400300))
        self.assertEqual(sandbox.call("DELETE", "/__sandbox/faults", connection=outside)[:2], (403, 400300))
        self.assertEqual(sandbox.call("GET", "/__sandbox/health", connection=outside)[0], 200)
        self.assertEqual(sandbox.call("POST", "/__sandbox/webhooks/x", {}, connection=outside)[0], 200)
        self.assertEqual(sandbox.call("POST", "/api/v5/messages/m/flags", connection=outside)[0], 200)
        self.assertEqual(sandbox.call("GET", "/__sandbox/log")[0], 200)
        outside.close()
        sandbox.stop()


def other_address():
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address
    except OSError:
        return None
    finally:
        probe.close()


if __name__ == "__main__":
    HOST = sys.argv.pop(1)
    unittest.main()
