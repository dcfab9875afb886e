// Package partners says with whom messages are exchanged, and on what terms:
// the partners (agencies, endpoint, TLS trust, signing keys, limits), the
// agreements with them (which message may go which way, to whom, for which
// purpose, with which fields, released by whom), their clocks, and calendars.
//
// Everything comes from files in one folder:
//
//	self.yaml           our own side: agencies, zone, weekend, calendar
//	partners/*.yaml     one partner a file
//	agreements/*.yaml   one agreement a file, written from our point of view
//	calendars/*.yaml    public holidays, each with its source
//
// A Registry reads them, refuses contradictions with file and line, and puts a
// new immutable Snapshot in place when they change. What cannot be used then
// stays in force as it last was, file by file (reload.go). CheckFile finds the
// same in one file before it is put there. Terms that no source gives
// (a partner's time limits, for instance) are unset, never guessed.
//
// # An agreement as policy
//
// Agreement.Permit finds the terms for a message, and the Permit judges it:
// CheckRecipient, CheckApproval and CheckAnonymous its claims, Redact and
// CheckFields its body, with the rules for minors where a subject is or may be
// one. Safeguards and Officers say what an outgoing message waits for.
//
// Purposes are codes that both sides know. The templates use these:
//
//	protection             a victim is announced, or verified, so as to be helped
//	identity_verification  who is this person, and a national of which State
//	family_tracing         is there family to return to
//	repatriation           the way home: agreement, papers, handover, reception
//	support                what became of it, with the person's consent
//	police_cooperation     offenders, without any victim's name
//	data_protection        corrections, withdrawals, erasures
//
// # Clocks
//
// Agreement.Started says which deadlines a message starts, Snapshot.Responsible
// on whose side they run, Deadline.Run makes a Clock from what followed, and
// Clock.At reads it: due, overdue, paused, met or late (clock.go). All of it is
// pure; package exchange keeps the time.
package partners
