# SPDX-License-Identifier: Apache-2.0
"""Tokens of an authorization server (TM-AUTHZ-06): which let somebody in, as whom, and what is refused for which
reason. The keys are openssl's, so that two libraries must agree."""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import mcpwire  # noqa: E402
import questd  # noqa: E402

ISSUER, RESOURCE = "https://login.example.org/company", "https://questd.example.org/mcp"
METADATA = "https://questd.example.org/.well-known/oauth-protected-resource/mcp"


def pack(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def openssl(*words, given=None):
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout


def raw_pair(der):
    """An ECDSA signature's two numbers, 32 bytes each, out of its DER."""
    at, numbers = 2, []
    for _ in range(2):
        n = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + n], "big").to_bytes(32, "big"))
        at += 2 + n
    return b"".join(numbers)


class Key:
    def __init__(self, folder, kid, algorithm, bits=2048):
        self.kid, self.algorithm, self.path = kid, algorithm, os.path.join(folder, kid + ".pem")
        how = {"RS256": ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"], "EdDSA": ["-algorithm", "ED25519"],
               "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}[algorithm]
        openssl("genpkey", *how, "-out", self.path)

    def jwk(self, **more):
        der = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        own = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "EdDSA":
            own.update(kty="OKP", crv="Ed25519", x=pack(der[-32:]))
        elif self.algorithm == "ES256":
            own.update(kty="EC", crv="P-256", x=pack(der[-64:-32]), y=pack(der[-32:]))
        else:
            modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().split("=")[1]
            own.update(kty="RSA", n=pack(bytes.fromhex(modulus)), e="AQAB")
        return {**own, **more}

    def sign(self, text):
        if self.algorithm == "EdDSA":
            with tempfile.NamedTemporaryFile() as f:
                f.write(text)
                f.flush()
                return openssl("pkeyutl", "-sign", "-inkey", self.path, "-rawin", "-in", f.name)
        made = openssl("dgst", "-sha256", "-sign", self.path, given=text)
        return raw_pair(made) if self.algorithm == "ES256" else made

    def token(self, claims=None, header=None, **more):
        """A sound one, but for what is said; None leaves a claim or field out."""
        now = int(time.time())
        head = {"alg": self.algorithm, "typ": "at+jwt", "kid": self.kid, **(header or {})}
        body = {"iss": ISSUER, "aud": RESOURCE, "sub": "ann", "iat": now, "exp": now + 600, "scope": "openid questd:operator",
                **(claims or {}), **more}
        text = ".".join(pack(json.dumps({k: v for k, v in part.items() if v is not None}).encode()) for part in (head, body))
        return text + "." + pack(self.sign(text.encode()))


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="questd-test.")
        cls.rsa, cls.ec, cls.ed = (Key(cls.folder.name, kid, a) for kid, a in (("r", "RS256"), ("e", "ES256"), ("d", "EdDSA")))
        cls.other = Key(cls.folder.name, "other", "EdDSA")
        cls.jwks = os.path.join(cls.folder.name, "jwks.json")
        cls.write(cls.rsa, cls.ec, cls.ed)
        cls.server = questd.Server("--auth-issuer", ISSUER, "--auth-resource", RESOURCE, "--auth-keys", cls.jwks)
        cls.owner = cls.server.lines()
        cls.n_wrong = 0
        cls.ann = cls.owner.ok("users.create", {"name": "ann"})

    @classmethod
    def tearDownClass(cls):
        cls.owner.close()
        cls.server.__exit__()
        cls.folder.cleanup()

    @classmethod
    def write(cls, *keys, text=None):
        with open(cls.jwks + ".new", "w") as f:
            f.write(text if text is not None else json.dumps({"keys": [
                {"kty": "oct", "kid": "o", "k": "c2VjcmV0"}, *(k.jwk() for k in keys)]}))
        os.rename(cls.jwks + ".new", cls.jwks)

    def call(self, token, method="principals.me", params=None):
        """(status, challenge, parsed answer)"""
        status, headers, text = self.server.http("POST", "/rpc", {
            "jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}, {"Authorization": "Bearer " + token}, token=False)
        return status, {k.lower(): v for k, v in headers.items()}.get("www-authenticate", ""), json.loads(text)

    def room_for(self, n):
        """Ten wrong ones a minute come from one address; a server that was started anew counts anew."""
        type(self).n_wrong += n
        if self.n_wrong > 10:
            self.owner.close()
            self.server.stop()
            self.server.start()
            type(self).owner, type(self).n_wrong = self.server.lines(), n

    def refused(self, token, why, status=401, is_counted=True):
        if is_counted:
            self.room_for(1)
        got, challenge, answer = self.call(token)
        self.assertEqual((got, answer["message"]), (status, why))
        self.assertIn(f'error="{"invalid_token" if status == 401 else "insufficient_scope"}"', challenge)
        self.assertIn(f'resource_metadata="{METADATA}"', challenge)
        self.assertNotIn(token, json.dumps(answer) + challenge)

    def test_tm_authz_06_each_algorithm_lets_a_person_in(self):
        for key in (self.rsa, self.ec, self.ed):
            for _ in range(5 if key is self.ec else 1):  # numbers of an ECDSA signature may be short
                status, _, answer = self.call(key.token(jti=str(time.time_ns())))
                self.assertEqual(status, 200, answer)
                me = answer["result"]
                self.assertEqual((me["id"], me["kind"], me["access"]), ("user:" + self.ann["id"], "user", ["operator"]))

    def test_tm_authz_06_crafted_tokens_are_refused_for_the_right_reason(self):
        now = int(time.time())
        sound, ed = self.rsa.token(), self.ed
        head, body, signature = sound.split(".")
        none = pack(json.dumps({"alg": "none", "typ": "at+jwt", "kid": "r"}).encode())
        hs = pack(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": "r"}).encode())
        hmac = pack(openssl("dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:" + openssl(
            "pkey", "-in", self.rsa.path, "-pubout").hex(), "-binary", given=f"{hs}.{body}".encode()))
        twice = pack(b'{"iss":"%s","iss":"x","aud":"%s"}' % (ISSUER.encode(), RESOURCE.encode()))
        algorithm, malformed = "the token is signed with an algorithm that is not taken", "the token is malformed"
        unknown, wrong = "the key that signed the token is not known", "the signature of the token is wrong"
        expired, early = "the token has expired", "the token is not valid yet"
        issuer, audience = "the token is of another issuer", "the token is for another resource"
        table = [
            (f"{none}.{body}.", "the token is malformed"), (f"{none}.{body}.{signature}", algorithm),
            (f"{hs}.{body}.{hmac}", algorithm),
            (ed.token(header={"alg": "RS512"}), algorithm), (ed.token(header={"alg": "eddsa"}), algorithm),
            (ed.token(header={"kid": "r"}), algorithm),
            (ed.token(header={"kid": "nobody"}), unknown), (ed.token(header={"kid": None}), unknown),
            (self.other.token(header={"jwk": self.other.jwk()}), unknown), (self.other.token(header={"kid": "o"}), unknown),
            (self.other.token(header={"kid": "d"}), wrong),
            (f"{head}.{pack(b'{}')}.{signature}", wrong), (f"{head}.{body}.{pack(bytes(256))}", wrong),
            (ed.token()[:-4] + "AAAA", wrong), (f"{head}.{body}.{signature}=", malformed), (f"{head}.{twice}.{signature}", malformed),
            (ed.token(header={"typ": "id_token"}), "the token is no access token"),
            (ed.token(header={"typ": None}), "the token is no access token"),
            (ed.token(header={"crit": ["b64"], "b64": False}), "the token demands an extension"),
            (ed.token(iss=ISSUER + "/"), issuer), (ed.token(iss=None), issuer), (ed.token(iss=[ISSUER]), issuer),
            (ed.token(aud=RESOURCE + "/"), audience), (ed.token(aud=["https://else.example.org", ISSUER]), audience),
            (ed.token(aud=None), audience),
            (ed.token(exp=now - 61), expired), (ed.token(exp=None), malformed), (ed.token(exp="9999999999"), malformed),
            (ed.token(nbf=now + 90), early), (ed.token(iat=now + 90), early), (ed.token(iat=None), malformed),
            (ed.token(iat=now - 86500), "the token was issued more than a day ago"),
            (ed.token(sub="Ann"), "the token is of nobody who is known here"),
            (ed.token(sub=None), "the token is of nobody who is known here"),
            (ed.token(sub=["ann"]), "the token is of nobody who is known here"),
        ]
        self.assertGreaterEqual(len(table), 25)
        for n, (token, why) in enumerate(table):
            with self.subTest(n=n, why=why):
                self.refused(token, why)

    def test_tm_authz_06_what_is_sound_but_unusual_is_taken(self):
        now = int(time.time())
        for token in (self.ed.token(aud=["https://else.example.org", RESOURCE]), self.ed.token(exp=now + 600.5),
                      self.ed.token(header={"typ": "JWT"}), self.ed.token(sub=self.ann["id"]), self.ed.token(exp=now - 30)):
            self.assertEqual(self.call(token)[0], 200)

    def test_tm_authz_06_scopes_are_access_roles(self):
        me = self.call(self.ed.token(scope="questd:org_admin questd:viewer questd:king"))[2]["result"]
        self.assertEqual(me["access"], ["viewer", "org_admin"])
        self.refused(self.ed.token(scope="openid email"), "the token has no scope that allows anything here", 403)

    def step_up(self, challenge):
        """The scopes that such a challenge asks for."""
        self.assertIn('error="insufficient_scope"', challenge)
        self.assertIn(f'resource_metadata="{METADATA}"', challenge)
        self.assertEqual(challenge.count("Bearer"), 1)
        return re.search(r'scope="([^"]*)"', challenge)[1]

    def test_mcp_a5_a_call_beyond_the_scopes_is_403_and_says_which_would_do(self):
        """TM-AUTHZ-06: what the token has and the least that is wanting, so that a client asks once."""
        for scope, method, wanted in (("questd:viewer", "quests.create", "questd:viewer questd:operator"),
                                      ("questd:operator", "users.create", "questd:operator questd:org_admin"),
                                      ("questd:viewer questd:operator", "agents.spawn", "questd:viewer questd:operator questd:agent_admin")):
            status, challenge, answer = self.call(self.ed.token(scope=scope), method, {})
            self.assertEqual((status, answer["error"]["data"]["code"], answer["error"]["data"]["gate"]), (403, "denied", "access"))
            self.assertEqual(self.step_up(challenge), wanted)
        token = {"Authorization": "Bearer " + self.ed.token(scope="questd:viewer")}
        client = mcpwire.Http(self.server)
        for era in ("modern", "legacy"):
            if era == "legacy":
                client.initialize("2025-11-25")  # the owner's; the token's own session follows
                client = mcpwire.Http(self.server)
                reply = client.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {
                    "name": "t", "version": "1"}}, token)
                client.session, client.version = reply.headers["mcp-session-id"], "2025-11-25"
            params = {"name": "quests_create", "arguments": {"subject": "x"}}
            reply = client.request("tools/call", mcpwire.modern(params) if era == "modern" else params, token)
            self.assertEqual(reply.status, 403, era)
            self.assertEqual(self.step_up(reply.headers["www-authenticate"]), "questd:viewer questd:operator")
            result = reply.json()["result"]
            self.assertEqual((result["isError"], json.loads(result["content"][0]["text"])["gate"]), (True, "access"))

    def test_mcp_a5_what_no_scope_would_mend_is_no_403(self):
        viewer = {"Authorization": "Bearer " + self.ed.token(scope="questd:viewer")}
        calls = [{"jsonrpc": "2.0", "id": n, "method": method, "params": {}} for n, method in enumerate(("quests.create", "system.ping"))]
        status, headers, text = self.server.http("POST", "/rpc", calls, viewer, token=False)
        self.assertEqual((status, [("error" in a) for a in json.loads(text)]), (200, [True, False]), "a batch's calls fail one by one")
        self.assertNotIn("www-authenticate", {k.lower() for k in headers})
        self.owner.ok("agents.spawn", {"name": "robot"})
        status, challenge, answer = self.call(self.ed.token(scope="questd:agent_admin"), "agents.update", {"id": "robot", "model": "x"})
        self.assertEqual((status, challenge, answer["error"]["data"]["gate"]), (200, "", "authority"))
        key = self.owner.ok("keys.create", {"name": "k", "owner_kind": "user", "owner": "ann", "access": ["viewer"]})
        status, challenge, answer = self.call(key["secret"], "quests.create", {"subject": "x"})
        self.assertEqual((status, challenge, answer["error"]["data"]["gate"]), (200, "", "access"))

    def test_mcp_a5_a_broader_scope_holds_what_a_narrower_does(self):
        with open(os.path.join(questd.BUILD, "schemas/expect.json")) as f:
            verbs = json.load(f)["verbs"]
        for narrow, broad in (("viewer", "operator"), ("operator", "agent_admin"), ("operator", "workflow_admin"),
                              ("agent_admin", "org_admin"), ("workflow_admin", "org_admin")):
            self.assertEqual([v for v, info in verbs.items() if narrow in info["access"] and broad not in info["access"]], [],
                             f"{broad} implies {narrow}")

    def test_tm_authz_06_two_tokens_of_a_person_keep_their_own_rights(self):
        big, small = self.ed.token(scope="questd:org_admin"), self.ed.token(scope="questd:viewer")
        self.assertIn("result", self.call(big, "users.list")[2])
        self.assertEqual(self.call(small, "users.create", {"name": "eve"})[2]["error"]["data"]["code"], "denied")
        self.owner.ok("users.update", {"id": "ann", "about": "looks"})
        self.assertEqual(self.call(small)[2]["result"]["access"], ["viewer"])

    def test_tm_authz_06_the_keys_are_replaced_while_it_runs(self):
        self.room_for(10)
        new, weak = Key(self.folder.name, "new", "ES256"), Key(self.folder.name, "weak", "RS256", bits=1024)
        token, known = new.token(), self.rsa.token(jti="known")
        self.assertEqual(self.call(known)[0], 200)
        self.refused(token, "the key that signed the token is not known", is_counted=False)
        self.write(new, self.ed)
        self.assertEqual([self.call(t)[0] for t in (token, known)], [200, 200])  # what was verified is known for a minute
        self.refused(self.rsa.token(jti="late"), "the key that signed the token is not known", is_counted=False)
        for unsound in ("", "[]", '{"keys":[]}', json.dumps({"keys": [self.ed.jwk(), self.ed.jwk()]}),
                        json.dumps({"keys": [self.ed.jwk(x="AAAA")]}), json.dumps({"keys": [weak.jwk()]}),
                        json.dumps({"keys": [self.ed.jwk()] * 11})):
            self.write(text=unsound)
            self.refused(self.ed.token(jti=unsound[:200]), "the key that signed the token is not known", is_counted=False)
        os.unlink(self.jwks)
        self.refused(self.ed.token(jti="gone"), "the key that signed the token is not known", is_counted=False)
        self.write(self.rsa, self.ec, self.ed)
        self.assertEqual(self.call(self.rsa.token(jti="back"))[0], 200)

    def test_t3_a_person_who_leaves_is_out_at_once(self):
        from test_keys import Stream
        self.owner.ok("users.create", {"name": "bob"})
        token = self.ed.token(sub="bob", scope="questd:viewer")
        self.assertEqual(self.call(token)[0], 200)
        stream = Stream(self.server, "GET", "/events", token)
        self.owner.ok("users.delete", {"id": "bob", "confirm": True})
        self.assertIn("revoked", stream.rest())
        self.refused(token, "the token is of nobody who is known here")

    def test_tm_authz_06_a_stream_ends_with_its_token(self):
        from test_keys import Stream
        stream = Stream(self.server, "GET", "/events", self.ed.token(exp=int(time.time()) - 58))
        self.assertIn("revoked", stream.rest())

    def test_mcp_a2_a4_a_client_is_told_where_tokens_come_from(self):
        for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
            status, _, text = self.server.http("GET", path, token=False)
            said = json.loads(text)
            self.assertEqual((status, said["resource"], said["authorization_servers"]), (200, RESOURCE, [ISSUER]))
            self.assertIn("questd:viewer", said["scopes_supported"])
        self.assertEqual(self.server.http("GET", "/.well-known/oauth-protected-resource/rpc", token=False)[0], 404)
        status, headers, _ = self.server.http("POST", "/mcp", mcpwire.modern(), token=False)
        challenge = {k.lower(): v for k, v in headers.items()}["www-authenticate"]
        self.assertEqual((status, re.findall(r'(\w+)="', challenge)), (401, ["realm", "scope", "resource_metadata"]))

    def test_mcp_a3_a_token_is_no_key_of_a_line_connection(self):
        lines = self.server.lines()
        self.assertIn("error", lines.call("keys.use", {"key": self.ed.token()}))
        lines.close()

    def test_tm_log_02_a_token_is_in_no_log_and_no_record(self):
        token = self.ed.token(jti="quiet")
        self.assertIn("result", self.call(token, "ideas.store", {"name": "heard", "content": "x"})[2])
        row = self.owner.ok("audit.list", {"principal": "user:" + self.ann["id"], "limit": 200})["items"][-1]
        self.assertEqual(row["verb"], "ideas.store")
        self.assertRegex(row["key"], "^jwt-[0-9a-f]{12}$")
        self.assertNotIn(token.split(".")[2][:20], self.server.err + json.dumps(row))

    def test_what_is_half_configured_does_not_start(self):
        for flags, why in ((("--auth-issuer", ISSUER), "auth.resource is missing"),
                           (("--auth-issuer", "http://login.example.org", "--auth-resource", RESOURCE, "--auth-keys", "/x"), "auth.issuer"),
                           (("--auth-issuer", ISSUER, "--auth-resource", "x", "--auth-keys", "/x"), "auth.resource"),
                           (("--auth-issuer", ISSUER, "--auth-resource", RESOURCE, "--auth-keys", "x"), "auth.keys"),
                           (("--auth-issuer", ISSUER, "--auth-resource", RESOURCE, "--auth-keys", "/nowhere/x"), "/nowhere/x")):
            server = questd.Server(*flags, wait=False)
            self.assertNotEqual(server.process.wait(20), 0)
            server.reader.join(5)
            self.assertIn(why, server.err)
            server.__exit__()


if __name__ == "__main__":
    unittest.main()
