package operator

import (
	"net/http"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A CaseLine is a case in a list.
type CaseLine struct {
	Partner  string                `json:"partner"`
	Case     string                `json:"case"`
	Kind     exchange.Conversation `json:"kind,omitempty"`
	State    exchange.State        `json:"state,omitempty"`
	Turn     exchange.Turn         `json:"turn,omitempty"`
	DueAt    *time.Time            `json:"due_at,omitempty"`
	OpenedAt time.Time             `json:"opened_at"`
	MovedAt  time.Time             `json:"moved_at"`
	Officers []string              `json:"officers,omitempty"` // who have it; none: all of the partner
}

// CaseLineOf returns a case as it stands in a list.
func CaseLineOf(c exchange.CaseRow) CaseLine {
	return CaseLine{c.Partner, c.Case, c.Kind, c.State, c.Turn, instant(c.DueAt), utc(c.OpenedAt), utc(c.MovedAt), c.Assigned}
}

func (s *Server) listCases(r *request) (answer, error) {
	q := r.query()
	f := exchange.CaseFilter{
		Case: q.text("case"), State: exchange.State(q.text("state")), Turn: exchange.Turn(q.text("turn", "us", "partner")),
		DueBy: q.instant("due_before"), ByDue: q.text("order", "due", "moved") == "due",
		Officer: q.text("officer"),
	}
	if partner := q.text("partner"); partner != "" {
		f.Partners = []string{partner}
	}
	if kind := q.text("kind", string(exchange.Return), string(exchange.SelfReturn), string(exchange.Information)); kind != "" {
		f.Kinds = []exchange.Conversation{exchange.Conversation(kind)}
	}
	n, c := q.limit(), r.cursor(q)
	if err := q.end(); err != nil {
		return answer{}, err
	}
	if c.ID != "" {
		f.After.CaseKey = exchange.CaseKey{Partner: c.Partner, Case: c.ID}
		if at := time.UnixMilli(c.At); f.ByDue && c.At != 0 {
			f.After.DueAt = at
		} else if !f.ByDue {
			f.After.MovedAt = at
		}
	}
	f.Limit = n
	rows, last, err := s.cfg.Files.List(r.Context(), r.by, f)
	if err != nil {
		return answer{}, err
	}
	var out page
	if last.Case != "" {
		at := cursor{Partner: last.Partner, ID: last.Case, At: last.MovedAt.UnixMilli()}
		if f.ByDue {
			if at.At = 0; !last.DueAt.IsZero() {
				at.At = last.DueAt.UnixMilli()
			}
		}
		out.Next = r.next(q, at)
	}
	lines := make([]CaseLine, len(rows))
	for i, row := range rows {
		lines[i] = CaseLineOf(row)
	}
	out.Items = lines
	return reply(http.StatusOK, out)
}

// A CaseView is one case as it stands.
type CaseView struct {
	CaseLine
	OpenedByUs bool                    `json:"opened_by_us"`
	Pending    int                     `json:"pending"`
	Erased     bool                    `json:"erased"`
	Subjects   []exchange.SubjectState `json:"subjects"`
	Clocks     []ClockView             `json:"clocks"`
}

// A ClockView is a deadline as it stands, with what it rests on. Scope says
// whose rule it is: an internal one is never the partner's duty.
type ClockView struct {
	ID        string              `json:"id"`
	Label     Words               `json:"label"`
	Message   string              `json:"message"`
	Direction exchange.Direction  `json:"direction"`
	State     partners.ClockState `json:"state"`
	DueAt     *time.Time          `json:"due_at,omitempty"`
	Holidays  bool                `json:"holidays_known"`
	Ours      bool                `json:"ours"`
	Scope     string              `json:"scope"`
	Basis     Words               `json:"basis"`
	Citation  Words               `json:"citation"`
}

// Words are one text in two languages.
type Words struct {
	EN string `json:"en"`
	VI string `json:"vi"`
}

func clockOf(c exchange.RunningClock) ClockView {
	direction := exchange.In
	if c.Out {
		direction = exchange.Out
	}
	return ClockView{
		ID: c.Deadline.ID, Label: Words(c.Deadline.Label), Message: c.Message, Direction: direction,
		State: c.Reading.State, DueAt: instant(c.Reading.Due), Holidays: c.Reading.HolidaysKnown, Ours: c.Ours, Scope: c.Deadline.Scope, Basis: Words(c.Deadline.Basis), Citation: Words(c.Deadline.Citation),
	}
}

func (r *request) caseKey() exchange.CaseKey {
	return exchange.CaseKey{Partner: r.param("partner"), Case: r.param("case")}
}

func (s *Server) getCase(r *request) (answer, error) {
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	file, err := s.cfg.Files.Case(r.Context(), r.by, r.caseKey())
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, CaseViewOf(file))
}

// assignCase puts a case into the hands of officers.
func (s *Server) assignCase(r *request) (answer, error) {
	var wish struct {
		Officers []string `json:"officers"`
		Reason   string   `json:"reason"`
	}
	if err := r.strictly(&wish, "The body has officers, a list of identifiers, and a reason at most."); err != nil {
		return answer{}, err
	}
	if wish.Officers == nil { // a list that was forgotten must not open the case to all
		return answer{}, refuse(exchange.ProblemRequest, "members", "Name the officers; an empty list gives the case to all of its partner.")
	}
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	if err := s.cfg.Files.Assign(r.Context(), r.by, r.caseKey(), wish.Officers, wish.Reason); err != nil {
		return answer{}, err
	}
	file, err := s.cfg.Files.Case(r.Context(), r.by, r.caseKey())
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, CaseViewOf(file))
}

// CaseViewOf returns a case as it stands.
func CaseViewOf(file exchange.CaseFile) CaseView {
	out := CaseView{
		CaseLine: CaseLineOf(file.Row), OpenedByUs: file.Standing.Opened, Pending: file.Standing.Pending, Erased: file.Erased,
		Subjects: append([]exchange.SubjectState{}, file.Standing.Subjects...), Clocks: []ClockView{},
	}
	for _, c := range file.Clocks {
		out.Clocks = append(out.Clocks, clockOf(c))
	}
	return out
}

// A TimelineLine is one entry of a case's life.
type TimelineLine struct {
	exchange.TimelineEntry
	Event string `json:"event"`
}

func (s *Server) getTimeline(r *request) (answer, error) {
	q := r.query()
	n, c := q.limit(), r.cursor(q)
	if err := q.end(); err != nil {
		return answer{}, err
	}
	entries, err := s.cfg.Files.Timeline(r.Context(), r.by, r.caseKey(), c.Index, n+1)
	if err != nil {
		return answer{}, err
	}
	var out page
	if len(entries) > n {
		entries, out.Next = entries[:n], r.next(q, cursor{Index: entries[n].Index})
	}
	lines := make([]TimelineLine, len(entries))
	for i, e := range entries {
		lines[i] = TimelineLineOf(e)
	}
	out.Items = lines
	return reply(http.StatusOK, out)
}

// TimelineLineOf returns an entry of a case's life with the event's name.
func TimelineLineOf(e exchange.TimelineEntry) TimelineLine {
	e.At = utc(e.At)
	return TimelineLine{e, exchange.EventName(e.Kind, e.Direction, e.Type)}
}
