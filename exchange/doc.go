// Package exchange is the domain: messages between this gateway and its
// partners, the two ways they go, and the record that both end in.
//
// # Life of a message that comes in
//
//  1. The TLS listener has let the partner's certificate in (package certs).
//     Server asks again, for every request, whose certificate it is, so that a
//     suspension or a revocation reaches connections that are already open;
//     then it applies the partner's limits and reads the body (server.go).
//  2. Inbox.Accept opens the exact bytes: seal.Parse refuses every shape that
//     two readers could understand in two ways, Verify checks the signature
//     with that partner's keys. From here on only the verified bytes count.
//  3. The claims are parsed once, strictly, judged by the envelope's schema and
//     the body's, and by the agreement: type, direction, purpose, recipient,
//     approval, fields; a correction by what it makes of its target (inbox.go,
//     judge.go, correction.go). A refusal is an entry of the record too,
//     without the bytes (refusal.go).
//  4. Committer.Record puts the entry into the next batch. While one batch is
//     being written the next one gathers: under load many messages share one
//     transaction and one signed checkpoint, and an idle gateway never waits
//     (committer.go).
//  5. In the store's transaction, under the log's lock: is it a copy; may its
//     case take it, by the catalogue (catalogue.go) and what the case's book
//     holds (book.go, guards.go); where does the case stand now (standing.go)
//     and which clock is due first (terms.go). Its leaf is appended to the
//     Merkle tree; the checkpoint is signed; bytes, salt and book are sealed
//     with the case's data key; the receipt, which holds the proof, is signed
//     and stored beside them (batch.go, receipt.go).
//  6. Commit. The checkpoint is remembered outside the database (remember.go,
//     lock.go). Only then does Accept return the receipt: it means durable, and
//     already in the tree. While that cannot be done nothing is acknowledged,
//     and the committer tries on by itself (trouble.go).
//
// # Life of a message that goes out
//
//  1. Desk.Submit takes a draft from an officer or a national system, and keeps
//     it until the safeguards that the agreement asks for are recorded and as
//     many officers as it asks for have signed for it (desk.go, desk_release.go,
//     approval.go). What nobody has to release may go to Outbox.Submit directly.
//  2. The Outbox judges a draft as the partner will, removes what the agreement
//     withholds, signs it, and records it with its due delivery in one
//     transaction (outbox.go).
//  3. The Courier claims due jobs, a lane for each partner, and posts those
//     exact bytes, again and again until it holds a receipt that binds them, or
//     the partner says that it will never take them, or time is up (courier.go,
//     delivery.go). The outcome is an entry of the record too.
//
// # What goes on beside it
//
// The Scheduler looks at the clocks of cases when they are due (scheduler.go).
// Followers read the record as it grows: webhooks, and the Register, which finds
// probable duplicates by a blind index (follower.go, register.go). CaseFiles is
// what officers read, and what is personal is opened only with a reason that is
// recorded first (casefile.go, access.go); the Feed tells officers and systems
// what happened, by identifiers alone (feed.go). Package operator offers these
// over HTTP.
//
// # What watches over it
//
// Watch shows our checkpoints to the partners, who countersign them (watch.go),
// compares what a partner's log shows by different ways (compare.go), and records
// it when a log has two histories (alarm.go). Everything that can
// be refused is one table (problem.go), and docs/wire.md is checked against it.
//
// Audit recomputes the record from its stored bytes, and from them everything
// that is kept beside it: a case's book and state are told again from its entries
// (audit.go, audit_case.go, rebook.go). It is 'gateway check', and Checker does it
// by the clock (checker.go); what came of it is an entry too (lastcheck.go).
//
// What is wired together, and how, is in cmd/gateway/node.go.
package exchange
