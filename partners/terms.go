package partners

import (
	"slices"
	"strings"
)

// The safeguards that a permit may ask for.
const (
	SafeguardConsent       = "consent_or_authority"
	SafeguardGuardian      = "guardian_for_minor"
	SafeguardVoluntariness = "voluntariness"
	SafeguardRefoulement   = "non_refoulement"
)

// What a permit may say of anonymous notices.
const (
	AnonymousForbid  = "forbid"
	AnonymousAllow   = "allow"
	AnonymousRequire = "require"
)

// anonymousType is the one type that may leave out who the person is.
const anonymousType = "victim_identification_notice"

// minimumOfficers returns how many officers release a type in any case: what
// brings a person over a border, police information, and the end of evidence
// are never one officer's decision.
func minimumOfficers(messageType string) int {
	switch messageType {
	case "repatriation_request", "case_information_response", "erasure_notice", "erasure_confirmation":
		return 2
	}
	return 0
}

// Officers returns how many different officers must release an outgoing
// message; 0 when nobody has to.
func (p *Permit) Officers() int {
	least := minimumOfficers(p.Type)
	if p.Release == nil {
		return least
	}
	return max(least, p.Release.Officers)
}

// StandingApproval returns the approval that covers every message of the
// permit, "" when there is none.
func (p *Permit) StandingApproval() string {
	if p.Approval == nil {
		return ""
	}
	return p.Approval.Reference
}

// CheckRecipient judges the claim recipient. known are the agencies of the side
// that receives; empty when they are not known. The error is a *Refusal.
func (p *Permit) CheckRecipient(recipient string, known []Agency) error {
	isKnown := len(known) == 0 || slices.ContainsFunc(known, func(a Agency) bool { return a.Code == recipient })
	switch {
	case recipient == "" && len(p.Recipients) == 0:
		return nil
	case recipient == "":
		return &Refusal{"recipient-required", "/recipient", "The agreement asks for a recipient: " + strings.Join(p.Recipients, " or ") + "."}
	case len(p.Recipients) > 0 && !slices.Contains(p.Recipients, recipient):
		return &Refusal{"recipient-not-permitted", "/recipient", "The agreement permits this type only to " + strings.Join(p.Recipients, " or ") + "."}
	case !isKnown:
		return &Refusal{"recipient-not-permitted", "/recipient", "The side that receives has no agency of this code."}
	}
	return nil
}

// CheckApproval judges the claim approval. One that the agreement does not ask
// for is refused, because nobody would look at it, and a sender who names one
// believes that it counts. The error is a *Refusal.
func (p *Permit) CheckApproval(approval string) error {
	switch {
	case p.Approval == nil && approval != "":
		return &Refusal{"approval-not-permitted", "/approval", "The agreement asks for no approval for this type; leave it out."}
	case p.Approval != nil && approval == "":
		return &Refusal{"approval-required", "/approval", "The agreement asks for the reference of an approval (" + p.Approval.Citation + ")."}
	}
	return nil
}

// CheckAnonymous judges whether a body leaves out who the person is; for every
// type but victim_identification_notice that is false. The error is a *Refusal,
// with a pointer into the body.
func (p *Permit) CheckAnonymous(anonymous bool) error {
	switch {
	case anonymous && p.Anonymous != AnonymousAllow && p.Anonymous != AnonymousRequire:
		return &Refusal{"anonymous-forbidden", "/anonymous", "The agreement permits no anonymous notice."}
	case !anonymous && p.Anonymous == AnonymousRequire:
		return &Refusal{"anonymous-required", "/anonymous", "The agreement permits only anonymous notices."}
	}
	return nil
}
