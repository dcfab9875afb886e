package exchange

import "slices"

// A guard says what must hold before a message may speak of a person.
type guard func(s *standing, n *Note, ref string) *Problem

// each applies a guard to every person that a message names.
func (s *standing) each(g guard, n *Note) *Problem {
	for i, d := range n.Subjects {
		if refused := g(s, n, d.Ref); refused != nil {
			return refused.at(n.at(i))
		}
	}
	return nil
}

// lacks refuses a message that comes before one it depends on. When that one
// is the sender's own it may still be on its way, and the identical bytes can
// be accepted later; when it is ours to send, it cannot.
func lacks(own bool, rule, detail string) *Problem {
	kind := ProblemCaseState
	if own {
		kind = ProblemCaseOrder
	}
	return problem(kind, "%s", detail).rule(rule)
}

func needsIdentityRequest(s *standing, _ *Note, ref string) *Problem {
	if s.identityRequest(ref) == nil {
		return lacks(false, "identity-not-requested", "Nationality is confirmed after an identity_verification_request for this person.")
	}
	return nil
}

func needsNationality(s *standing, n *Note, ref string) *Problem {
	confirmation := s.nationality(ref)
	if s.decides(confirmation, ref) != "confirmed" {
		return lacks(false, "nationality-not-confirmed", "A return is requested after a nationality_confirmation that confirms this person.")
	}
	if confirmation.ID != n.Target {
		return problem(ProblemCaseState, "nationality_confirmation must name the confirmation that is in force for this person.").rule("confirmation-mismatch")
	}
	return nil
}

func needsAgreement(s *standing, _ *Note, ref string) *Problem {
	if !s.agreed(ref) {
		return lacks(true, "return-not-agreed", "The return of this person is not agreed.")
	}
	return nil
}

func needsDocument(s *standing, n *Note, ref string) *Problem {
	if !s.agreed(ref) {
		return lacks(false, "return-not-agreed", "The return of this person is not agreed.")
	}
	if held, _ := n.of(ref); held != documentHeld && s.newest(ref, TypeTravelDocument, other, nil) == nil {
		return lacks(false, "document-required", "This person has no travel document yet; say valid_document_held where a valid one is held.")
	}
	return nil
}

func needsHandoverNotice(s *standing, _ *Note, ref string) *Problem {
	if s.handoverNotice(ref) == nil {
		return lacks(true, "handover-not-announced", "The handover of this person was not announced.")
	}
	return nil
}

// needsSameRecord: whoever countersigns signs the very record. What they see
// differently they say in a message of their own, not by another record.
func needsSameRecord(s *standing, n *Note, ref string) *Problem {
	record := s.book.find(n.Reply, !n.Out)
	mine, _ := n.of(ref)
	if n.Target != n.Reply || n.Digest != record.Digest || n.Terms != record.Terms ||
		len(n.Subjects) != len(record.Subjects) || mine != s.decides(record, ref) {
		return problem(ProblemCaseState, "A countersignature repeats the record: the message, its SHA-256, gate, time and each result.").rule("countersignature-mismatch")
	}
	return nil
}

func needsClosedRecord(s *standing, n *Note, ref string) *Problem {
	if result, _ := n.of(ref); result == "not_arrived" && s.newest(ref, TypeHandoverRecord, opener, nil) != nil {
		return nil
	}
	if s.handover(ref) == nil {
		return lacks(false, "not-handed-over", "No handover_record says that this person was handed over.")
	}
	if s.closedHandover(ref) == nil {
		return lacks(true, "handover-not-countersigned", "The handover_record of this person is not countersigned.")
	}
	return nil
}

func needsReception(s *standing, _ *Note, ref string) *Problem {
	if !s.received(ref) {
		return lacks(true, "not-received", "No reception_confirmation says that this person was received.")
	}
	return nil
}

// acts checks the messages that act on another one of the same sender.
func (s *standing) acts(n *Note) *Problem {
	if n.Type != TypeCorrection && n.Type != TypeWithdrawal {
		return nil
	}
	target := s.book.find(n.Target, n.Out)
	switch {
	case target == nil && s.book.find(n.Target, !n.Out) != nil:
		return problem(ProblemCaseState, "Only the sender of a message can correct or withdraw it.").rule("target-not-own").at("/body/target")
	case target == nil:
		return lacks(true, "target-unknown", "target names no message of this case.").at("/body/target")
	case !correctable(target.Type):
		return problem(ProblemCaseState, "A message of this type cannot be corrected or withdrawn.").rule("target-type").at("/body/target")
	case n.Type == TypeWithdrawal:
		return nil
	}
	if target.Type == TypeHandoverRecord && s.countersigned(target) {
		return problem(ProblemCaseState, "A handover record that both sides have signed stands; make a new one.").rule("countersigned").at("/body/target")
	}
	switch done := s.revisions(target); {
	case n.Revision <= done:
		return problem(ProblemCaseState, "This revision was made already; the next one is %d.", done+1).rule("revision-reused").at("/body/revision")
	case n.Revision > done+1:
		return lacks(true, "revision-missing", "An earlier correction of the same message is missing.").at("/body/revision")
	case n.made == nil: // the one before it came only after this one was looked at
		return lacks(true, "revision-missing", "An earlier correction of the same message came at the same moment.").at("/body/revision")
	}
	return nil
}

// countersigned says whether a handover record has been countersigned, or is the
// countersignature itself.
func (s *standing) countersigned(record *Note) bool {
	return record.Reply != "" || slices.ContainsFunc(s.book.Notes, func(n Note) bool {
		return n.Type == TypeHandoverRecord && n.Status != dead && n.Reply == record.ID && n.Out != record.Out
	})
}

// revisions counts the corrections of a message.
func (s *standing) revisions(target *Note) int {
	last := 0
	for _, c := range s.corrections {
		if c.Out == target.Out && c.Target == target.ID {
			last = max(last, c.Revision)
		}
	}
	return last
}

// correctable says whether a message of a type can be corrected or withdrawn.
func correctable(messageType string) bool {
	switch messageType {
	case TypeCorrection, TypeWithdrawal, TypeErasureNotice, TypeErasureConfirmation:
		return false
	}
	return true
}
