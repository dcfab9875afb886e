// Package partners says with whom messages are exchanged, and on what terms:
// the partners (agencies, endpoint, TLS trust, signing keys, limits), the
// agreements with them (which message may go which way, for which purpose, with
// which fields), and their calendars.
//
// Everything comes from files in one folder:
//
//	partners/*.yaml     one partner a file
//	agreements/*.yaml   one agreement a file, written from our point of view
//	calendars/*.yaml    public holidays, each with its source
//
// A Registry reads them, refuses contradictions with file and line, and puts a
// new immutable Snapshot in place when they change. Terms that no source gives
// (a partner's time limits, for instance) are unset, never guessed.
package partners
