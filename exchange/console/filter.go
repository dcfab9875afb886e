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

// addressable says whether a typed number of a case may stand in an address: it is
// "", or begins the number of a case that the officer may see, which is then written
// as gateways write it.
func (c *Console) addressable(v *visit, caseID *string) (bool, error) {
	if *caseID == "" {
		return true, nil
	}
	for _, number := range []string{*caseID, ours(*caseID)} {
		if number == "" {
			continue
		}
		found, _, err := c.cfg.Files.List(v.r.Context(), v.officer, exchange.CaseFilter{Case: number, Limit: 1})
		if err != nil {
			return false, err
		}
		if len(found) > 0 {
			*caseID = number
			return true, nil
		}
	}
	return false, nil
}

// oneCase is addressable for a list that is of one case, whose number it completes; the
// fault says that more than one begins so.
func (c *Console) oneCase(v *visit, caseID *string) (good bool, fault string, err error) {
	if good, err = c.addressable(v, caseID); !good || err != nil || *caseID == "" {
		return good, "", err
	}
	found, _, err := c.cfg.Files.List(v.r.Context(), v.officer, exchange.CaseFilter{Case: *caseID, Limit: casesOnPage})
	switch {
	case err != nil, slices.ContainsFunc(found, func(row exchange.CaseRow) bool { return row.Case == *caseID }):
	case len(found) == 1:
		*caseID = found[0].Case
	case len(found) > 1:
		fault = "filter.case_many"
	}
	return good, fault, err
}
