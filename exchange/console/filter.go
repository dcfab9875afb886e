package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What somebody types into the filter of a list may be anybody's name. It is sent
// by POST, and comes to stand in an address only when it is what it should be.

// wished returns what a list is asked for: as it was typed, or as it stands in the
// address.
func wished(v *visit) (q url.Values, typed bool) {
	if v.r.Method == http.MethodPost && v.r.PostFormValue("filter") != "" {
		return v.r.PostForm, true
	}
	return v.r.URL.Query(), false
}

// addressable says whether a typed number of a case, and a typed identifier of an
// officer, may stand in an address: they are "", begin the number of a case that
// the officer may see, and are an officer's.
func (c *Console) addressable(v *visit, caseID, officer string) (bool, error) {
	if caseID != "" {
		found, _, err := c.cfg.Files.List(v.r.Context(), v.officer, exchange.CaseFilter{Case: caseID, Limit: 1})
		if err != nil || len(found) == 0 {
			return false, err
		}
	}
	if officer == "" {
		return true, nil
	}
	all, err := c.cfg.Roster.All(v.r.Context())
	return slices.ContainsFunc(all, func(o exchange.Officer) bool { return o.ID == officer }), err
}
