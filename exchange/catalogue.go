package exchange

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/schemas"
)

// The message types. docs/catalogue.md describes each; schemas/<type>.v1.json
// says what its body holds.
const (
	TypeNotice              = "victim_identification_notice"
	TypeIdentityRequest     = "identity_verification_request"
	TypeIdentityResponse    = "identity_verification_response"
	TypeNationality         = "nationality_confirmation"
	TypeSelfReturnRequest   = "self_return_verification_request"
	TypeSelfReturnResponse  = "self_return_verification_response"
	TypeTracingRequest      = "family_tracing_request"
	TypeTracingResponse     = "family_tracing_response"
	TypeReturnRequest       = "repatriation_request"
	TypeReturnResponse      = "repatriation_response"
	TypeTravelDocument      = "travel_document_notice"
	TypeHandoverNotice      = "handover_notice"
	TypeHandoverRecord      = "handover_record"
	TypeReception           = "reception_confirmation"
	TypeSupport             = "support_follow_up"
	TypeInformationRequest  = "case_information_request"
	TypeInformationResponse = "case_information_response"
	TypeCorrection          = "correction"
	TypeWithdrawal          = "withdrawal"
	TypeErasureNotice       = "erasure_notice"
	TypeErasureConfirmation = "erasure_confirmation"
)

// A Conversation is the kind of a case: which life it leads.
type Conversation string

const (
	// Return: the host, where the person is, opens it with the origin, the
	// State that the person claims.
	Return Conversation = "return"
	// SelfReturn: the origin asks the former host about a person who came back
	// without an official handover.
	SelfReturn Conversation = "self_return"
	// Information: police ask police. It knows no person by name and is tied to
	// a return only by an opaque link.
	Information Conversation = "information"
)

// A side is one of the two parties of a case.
type side int

const (
	opener side = iota // the party whose message opened the case
	other
)

func (s side) opposite() side { return 1 - s }

// A messageRule is one row of the catalogue: in which conversation a type may
// be sent, by whom, in answer to what, and after what.
type messageRule struct {
	Code, Type string
	Kind       Conversation // "" stands for every one
	From       []side
	Opens      bool     // it may be a case's first message
	Answers    []string // what in_reply_to may name
	Reply      replyRule
	Needs      guard // what must hold for each subject; nil for nothing
}

// A replyRule says whether a message has in_reply_to.
type replyRule int

const (
	replyNever replyRule = iota
	replyOptional
	replyRequired
)

var (
	byOpener = []side{opener}
	byOther  = []side{other}
	byEither = []side{opener, other}
)

// catalogue is the whole of what may be said, in the order of a case's life.
// A type that is missing here may not be sent or received, whatever its schema
// or agreement says. In a return the opener is the host and the other the
// origin; in a self-return the opener is the origin.
var catalogue = []messageRule{
	{"VIN", TypeNotice, Return, byOpener, true, nil, replyNever, nil},
	{"IVQ", TypeIdentityRequest, Return, byOpener, true, nil, replyNever, nil},
	{"IVR", TypeIdentityResponse, Return, byOther, false, []string{TypeIdentityRequest, TypeNotice}, replyRequired, nil},
	{"NCF", TypeNationality, Return, byOther, false, []string{TypeIdentityRequest}, replyOptional, needsIdentityRequest},
	{"FTQ", TypeTracingRequest, Return, byEither, false, nil, replyNever, nil},
	{"FTR", TypeTracingResponse, Return, byEither, false, []string{TypeTracingRequest}, replyRequired, nil},
	{"RPQ", TypeReturnRequest, Return, byOpener, false, nil, replyNever, needsNationality},
	{"RPR", TypeReturnResponse, Return, byOther, false, []string{TypeReturnRequest}, replyRequired, nil},
	{"TDN", TypeTravelDocument, Return, byOther, false, nil, replyNever, needsAgreement},
	{"HON", TypeHandoverNotice, Return, byOpener, false, nil, replyNever, needsDocument},
	{"HOR", TypeHandoverRecord, Return, byOpener, false, nil, replyNever, needsHandoverNotice},
	{"HOR", TypeHandoverRecord, Return, byOther, false, []string{TypeHandoverRecord}, replyRequired, needsSameRecord},
	{"RCC", TypeReception, Return, byOther, false, nil, replyNever, needsClosedRecord},
	{"SUP", TypeSupport, Return, byOther, false, nil, replyNever, needsReception},

	{"SRV", TypeSelfReturnRequest, SelfReturn, byOpener, true, nil, replyNever, nil},
	{"SRR", TypeSelfReturnResponse, SelfReturn, byOther, false, []string{TypeSelfReturnRequest}, replyRequired, nil},

	{"CIQ", TypeInformationRequest, Information, byEither, true, nil, replyNever, nil},
	{"CIR", TypeInformationResponse, Information, byEither, false, []string{TypeInformationRequest}, replyRequired, nil},

	{"COR", TypeCorrection, "", byEither, false, nil, replyNever, nil},
	{"WDR", TypeWithdrawal, "", byEither, false, nil, replyNever, nil},
	{"ERN", TypeErasureNotice, "", byEither, false, nil, replyNever, nil},
	{"ERC", TypeErasureConfirmation, "", byEither, false, []string{TypeErasureNotice}, replyRequired, nil},
}

// rulesOf returns the rows of a type.
func rulesOf(messageType string) []messageRule {
	var rows []messageRule
	for _, r := range catalogue {
		if r.Type == messageType {
			rows = append(rows, r)
		}
	}
	return rows
}

// kindOf returns the conversation that a type opens, "" when it opens none.
func kindOf(messageType string) Conversation {
	for _, r := range catalogue {
		if r.Type == messageType && r.Opens {
			return r.Kind
		}
	}
	return ""
}

// Opens says whether a message of a type may be the first of a case, and so
// introduces persons.
func Opens(messageType string) bool { return kindOf(messageType) != "" }

// MessageCode returns the three letters that officers know a type by.
func MessageCode(messageType string) string {
	for _, r := range catalogue {
		if r.Type == messageType {
			return r.Code
		}
	}
	return ""
}

// ReplyTo returns the type of message that answers messageType, "" when none
// does.
func ReplyTo(messageType string) string {
	for _, r := range catalogue {
		if r.Reply == replyRequired && r.Answers[0] == messageType {
			return r.Type
		}
	}
	return ""
}

// Types is what an agreement is checked against: the schemas, and which type of
// message answers which.
type Types struct{ *schemas.Catalogue }

// Answers says whether a message of type reply can answer one of type asked.
func (Types) Answers(reply, asked string) bool {
	return slices.ContainsFunc(rulesOf(reply), func(r messageRule) bool { return slices.Contains(r.Answers, asked) })
}

// afterWithdrawal are the types that may still speak of a person whose case
// was withdrawn. A withdrawal is among them: two that cross on the way must not
// undo each other.
func afterWithdrawal(messageType string) bool {
	return slices.Contains([]string{TypeWithdrawal, TypeErasureNotice, TypeErasureConfirmation}, messageType)
}

// CatalogueTable returns the catalogue as the table of docs/wire.md.
func CatalogueTable() string {
	var b strings.Builder
	b.WriteString("| code | type | kind of case | sent by | opens | `in_reply_to` |\n|---|---|---|---|---|---|\n")
	for _, r := range catalogue {
		kind, from, opens, reply := string(r.Kind), "opener", "", "MUST be absent"
		if kind == "" {
			kind = "any"
		}
		switch {
		case len(r.From) == 2:
			from = "either"
		case r.From[0] == other:
			from = "other"
		}
		if r.Opens {
			opens = "yes"
		}
		if r.Reply != replyNever {
			verb := map[replyRule]string{replyOptional: "MAY", replyRequired: "MUST"}[r.Reply]
			reply = verb + " name a `" + strings.Join(r.Answers, "` or `") + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s |\n", r.Code, r.Type, strings.ReplaceAll(kind, "_", "-"), from, opens, reply)
	}
	return b.String()
}
