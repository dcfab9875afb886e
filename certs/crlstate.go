package certs

import "time"

// The states of revocation checking, from best to worst.
const (
	CRLNone    = "none"    // no list is configured for the partner
	CRLFresh   = "fresh"   // every list is current
	CRLStale   = "stale"   // a list is past its nextUpdate, within the grace
	CRLExpired = "expired" // a list is past its grace: the partner is refused
)

// CRLState is what an operator needs to see, for health pages and metrics.
type CRLState struct {
	Status string         `json:"status"`
	Since  time.Time      `json:"since,omitzero"` // when the worst list should have been renewed
	Until  time.Time      `json:"until,omitzero"` // when its grace ends or ended
	Files  []CRLFileState `json:"files,omitempty"`

	// Uncovered names anchors without a list: their certificates are refused.
	Uncovered []string `json:"uncovered,omitempty"`
}

// CRLFileState is the state of one file. A Problem means that what is in the
// file now is not used, and the list before it is.
type CRLFileState struct {
	Path         string    `json:"path"`
	Status       string    `json:"status"`
	Issuer       string    `json:"issuer"`
	Number       string    `json:"number"`
	ThisUpdate   time.Time `json:"this_update"`
	NextUpdate   time.Time `json:"next_update"`
	Revoked      int       `json:"revoked"`
	LoadedAt     time.Time `json:"loaded_at"`
	Problem      string    `json:"problem,omitempty"`
	ProblemSince time.Time `json:"problem_since,omitzero"`
}

// State reports every list and the worst status among them.
func (c *CRLs) State() CRLState {
	now := c.cfg.Now()
	c.refreshIfDue(now)
	state := CRLState{Status: CRLFresh}
	for _, f := range *c.live.Load() {
		until := f.list.nextUpdate.Add(c.cfg.Policy.Grace)
		status := CRLFresh
		switch {
		case now.After(until):
			status = CRLExpired
		case now.After(f.list.nextUpdate):
			status = CRLStale
		}
		if status != CRLFresh && (state.Until.IsZero() || until.Before(state.Until)) {
			state.Status, state.Since, state.Until = status, f.list.nextUpdate, until
		}
		state.Files = append(state.Files, CRLFileState{
			Path: f.path, Status: status, Issuer: f.issuer.Subject.String(), Number: f.list.number.String(),
			ThisUpdate: f.list.thisUpdate, NextUpdate: f.list.nextUpdate, Revoked: len(f.list.revoked),
			LoadedAt: f.list.loadedAt, Problem: f.problem, ProblemSince: f.since,
		})
	}
	for _, anchor := range c.cfg.Anchors {
		if !c.covers(anchor) {
			state.Uncovered = append(state.Uncovered, anchor.Subject.String())
		}
	}
	return state
}
