// Checks in the browser what a page shows of the record: the log's signature on
// the checkpoint, the witnesses' cosignatures, the path from an entry to the
// root, and the receipt for a message. It asks nobody and sends nothing; the
// page says in words what each check means.
"use strict";
(async () => {
  const list = document.getElementById("proof-checks");
  if (!list || !window.crypto || !crypto.subtle) return;
  const text = id => { const e = document.getElementById(id); return e ? e.textContent : ""; };
  const utf8 = s => new TextEncoder().encode(s);
  const join = (...parts) => { const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0)); let at = 0; for (const p of parts) { out.set(p, at); at += p.length; } return out; };
  const base64 = s => Uint8Array.from(atob(s), c => c.charCodeAt(0));
  const base64url = s => base64(s.replace(/-/g, "+").replace(/_/g, "/"));
  const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
  const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));

  // A verifier key is name+hash+base64, of a log (kind 1) or a witness (kind 4).
  const verifierKey = async (line, kind) => {
    const [name, hash, ...rest] = line.trim().split("+");
    const raw = base64(rest.join("+"));
    const id = (await sha256(utf8(name + "\n"), raw)).slice(0, 4);
    if (raw.length !== 33 || raw[0] !== kind || hash !== Array.from(id, b => b.toString(16).padStart(2, "0")).join("")) throw new Error("key");
    return { name, id, key: await crypto.subtle.importKey("raw", raw.slice(1), "Ed25519", false, ["verify"]) };
  };
  // A signed note is a text, an empty line, and signature lines.
  const readNote = note => {
    const cut = note.indexOf("\n\n") + 1;
    return { text: note.slice(0, cut), signatures: note.slice(cut + 1).split("\n").filter(l => l).map(l => { const [, name, data] = l.split(" "); return { name, data: base64(data) }; }) };
  };
  const signed = async (note, by, message) => {
    for (const s of note.signatures) {
      if (s.name === by.name && same(s.data.slice(0, 4), by.id)) {
        const body = s.data.slice(4);
        const [over, sig] = message(body);
        if (await crypto.subtle.verify("Ed25519", by.key, sig, over)) return true;
        throw new Error("signature");
      }
    }
    return false;
  };
  const byLog = async (note, vkey) => {
    const key = await verifierKey(vkey, 1);
    if (note.text.split("\n")[0] !== key.name) return false;
    return signed(note, key, sig => [utf8(note.text), sig]);
  };
  const byWitness = async (note, vkey) => signed(note, await verifierKey(vkey, 4), body => {
    const time = new DataView(body.buffer, body.byteOffset, 8).getBigUint64(0);
    return [utf8("cosignature/v1\ntime " + time + "\n" + note.text), body.slice(8)];
  });
  // RFC 9162, section 2.1.3.2.
  const included = async (leaf, index, size, hashes, root) => {
    if (index >= size) return false;
    let fn = index, sn = size - 1, r = await sha256(Uint8Array.of(0), leaf);
    for (const p of hashes) {
      if (sn === 0) return false;
      if (fn % 2 === 1 || fn === sn) {
        r = await sha256(Uint8Array.of(1), p, r);
        while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
      } else r = await sha256(Uint8Array.of(1), r, p);
      fn = Math.floor(fn / 2); sn = Math.floor(sn / 2);
    }
    return sn === 0 && same(r, root);
  };
  const readProof = proof => {
    const [head, ...rest] = proof.split("\n\n");
    const lines = head.split("\n");
    const at = lines.findIndex(l => l.startsWith("index "));
    const note = readNote(rest.join("\n\n"));
    const [, size, root] = note.text.split("\n");
    return { index: Number(lines[at].slice(6)), hashes: lines.slice(at + 1).map(base64), size: Number(size), root: base64(root), note };
  };
  const proves = async (proof, leaf) => included(leaf, proof.index, proof.size, proof.hashes, proof.root);
  const jws = async (compact, keys) => {
    const [head, payload, sig] = compact.split(".");
    const header = JSON.parse(new TextDecoder().decode(base64url(head)));
    const jwk = keys.find(k => k.kid === header.kid) || (keys.length === 1 ? keys[0] : null);
    const how = { ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, ES384: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" }, EdDSA: { name: "Ed25519" }, Ed25519: { name: "Ed25519" }, PS256: { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 } }[header.alg];
    if (!jwk || !how) throw new Error("key");
    const { kty, crv, x, y, n, e } = jwk;
    const key = await crypto.subtle.importKey("jwk", JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })), how, false, ["verify"]);
    if (!await crypto.subtle.verify(how, key, base64url(sig), utf8(head + "." + payload))) return null;
    return JSON.parse(new TextDecoder().decode(base64url(payload)));
  };

  const say = (what, verdict, detail) => {
    const li = document.createElement("li");
    li.className = verdict;
    const strong = document.createElement("strong");
    strong.textContent = verdict === "bad" ? list.dataset.wrong + " " + list.dataset[what] : list.dataset[what];
    li.append(strong);
    if (verdict === "wait") detail = list.dataset.unable;
    if (detail) { const span = document.createElement("span"); span.textContent = detail; li.append(" ", span); }
    list.append(li);
  };
  const check = async (what, test, detail) => {
    try { say(what, await test() ? "ok" : "bad", detail); }
    catch (e) { say(what, e.name === "NotSupportedError" || e.name === "DataError" ? "wait" : "bad", detail); }
  };

  const head = readNote(text("proof-head"));
  await check("head", () => byLog(head, text("proof-vkey")));
  for (const line of text("proof-witnesses").split("\n").filter(l => l)) {
    const name = line.split("+")[0];
    if (head.signatures.some(s => s.name === name)) await check("cosigned", () => byWitness(head, line), name);
  }
  if (text("proof-text")) {
    const proof = readProof(text("proof-text"));
    const leaf = utf8(text("proof-leaf"));
    await check("leaf", async () => proof.note.text === head.text && await proves(proof, leaf));
    if (text("proof-receipt")) {
      let claims = null;
      await check("receipt", async () => (claims = await jws(text("proof-receipt"), JSON.parse(text("proof-keys")))) !== null);
      if (claims) {
        const ours = JSON.parse(text("proof-leaf"));
        await check("names", async () => claims.message === ours.jti);
        if (claims.proof) {
          const place = readProof(claims.proof);
          const entry = base64url(claims.leaf);
          await check("place", async () => JSON.parse(new TextDecoder().decode(entry)).jti === ours.jti && await proves(place, entry));
          await check("giver", () => byLog(place.note, text("proof-giver")), place.note.text.split("\n")[0]);
        }
      }
    }
  }
  list.dataset.done = "1";
})();
