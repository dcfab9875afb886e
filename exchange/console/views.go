package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A viewBar are the views of a list, as tabs over it: those that everybody has,
// then the officer's own.
type viewBar struct {
	Tabs  []viewTab
	Here  string // the address of what is shown now, its first page
	New   bool   // what is shown now is none of the tabs
	Name  string // as it was typed, when the form comes back
	Fault string // why it came back: a key of the catalogue
	Most  int    // characters of a name
}

// A viewTab is one of them.
type viewTab struct {
	ID    string // of the officer's own
	Name  string
	To    string
	Shown bool
}

// A commonView is a view that everybody has: a key of the catalogue, and what it
// asks for.
type commonView struct{ key, query string }

var (
	viewsOfCases = []commonView{
		{"view.cases_all", ""}, {"view.mine", "by=due&turn=us"}, {"view.overdue", "by=due&due=overdue"}, {"view.partner", "by=due&turn=partner"},
		{"view.assigned_me", "by=due&officer=~me"}, {"view.assigned_nobody", "officer=~nobody"},
	}
	viewsOfMessages = []commonView{
		{"view.messages_all", ""}, {"view.inbox", "box=in"}, {"view.outbox", "box=out"}, {"view.unanswered", "box=in&open=1"},
		{"view.pending", "box=out&delivery=due"}, {"view.refused", "box=refused"},
	}
)

// keepView does what the form of the views asks for, and lays out the views of
// this page. done says that the answer is on its way.
func (c *Console) keepView(v *visit, bar *viewBar, common []commonView, query url.Values) (done bool, err error) {
	page := strings.TrimPrefix(v.r.URL.Path, "/")
	shown := query.Encode()
	bar.Here, bar.Most = v.r.URL.Path+mark(shown), exchange.MaxViewName
	if _, typed := wished(v); !typed && v.r.Method == http.MethodPost {
		if drop := v.r.PostFormValue("drop"); drop != "" {
			err = c.cfg.Views.Drop(v.r.Context(), v.officer, drop)
		} else {
			bar.Name = v.r.PostFormValue("name")
			err = c.cfg.Views.Save(v.r.Context(), v.officer, exchange.SavedView{Name: bar.Name, Page: page, Query: shown})
		}
		if bar.Fault = viewFault(err); bar.Fault == "" {
			if err == nil {
				err = v.redirect(bar.Here)
			}
			return true, err
		}
	}
	own, err := c.cfg.Views.List(v.r.Context(), v.officer, page)
	if err != nil {
		return false, err
	}
	for _, w := range common {
		bar.Tabs = append(bar.Tabs, viewTab{Name: v.s.T(w.key), To: v.r.URL.Path + mark(w.query), Shown: w.query == shown})
	}
	for _, w := range own {
		bar.Tabs = append(bar.Tabs, viewTab{ID: w.ID, Name: w.Name, To: v.r.URL.Path + mark(w.Query), Shown: w.Query == shown})
	}
	bar.New = true
	for _, tab := range bar.Tabs {
		bar.New = bar.New && !tab.Shown
	}
	return false, nil
}

// showTabs lays out the views over a list that answers what was typed, and that
// none of them is.
func (c *Console) showTabs(v *visit, bar *viewBar, common []commonView) error {
	_, err := c.keepView(v, bar, common, nil)
	bar.New = false
	for i := range bar.Tabs {
		bar.Tabs[i].Shown = false
	}
	return err
}

func mark(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// viewFault returns the key of what is wrong with a view; "" for another error.
func viewFault(err error) string {
	switch exchange.AsProblem(err).Rule {
	case "view-name":
		return "view.fault_name"
	case "view-full":
		return "view.fault_full"
	case "view-known":
		return "view.fault_known"
	}
	return ""
}

// status and title are those of the page, with what is wrong on it.
func (bar *viewBar) status(fault string) int {
	if fault != "" || bar.Fault != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

func (bar *viewBar) title(v *visit, title, fault string) string {
	if bar.status(fault) != http.StatusOK {
		return v.s.T("error.prefix", title)
	}
	return title
}
