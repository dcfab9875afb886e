package console

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A recordView is the page of the record.
type recordView struct {
	Head  recordHead
	Check checkView
	ID    string // of a message that was asked for and is not known
}

// A checkView is the last check of the record, for a page.
type checkView struct {
	exchange.LastCheck
	Clock bool  // a gateway did it by itself
	UpTo  int64 // the last entry that was checked; -1 when there was none
}

func (c *Console) lastCheck(v *visit) (checkView, error) {
	last, err := c.cfg.Oversight.LastCheck(v.r.Context())
	return checkView{last, last.How == exchange.CheckedByClock, last.Size - 1}, err
}

// A recordHead is the signed head of the record, for a page and for the script
// that checks it in the browser.
type recordHead struct {
	Origin    string
	Size      int64
	Root      string
	Note      string
	VKey      string
	Cosigners []string
	Signed    string // the note with all cosignatures
	Witnesses string // their keys, one a line
}

func headOf(h exchange.RecordHead) recordHead {
	out := recordHead{Origin: h.Origin, Size: h.Size, Note: string(h.Note), VKey: h.VKey, Witnesses: strings.Join(h.Witnesses, "\n")}
	if h.Size > 0 {
		out.Root = base64.StdEncoding.EncodeToString(h.Root[:])
	}
	out.Signed = out.Note + strings.Join(h.Cosignatures, "")
	for _, line := range h.Cosignatures {
		if parts := strings.Fields(line); len(parts) > 1 {
			out.Cosigners = append(out.Cosigners, parts[1])
		}
	}
	return out
}

func (c *Console) recordPage(v *visit) error {
	head, err := c.cfg.Oversight.Head(v.r.Context())
	if err != nil {
		return err
	}
	view := recordView{Head: headOf(head)}
	if view.Check, err = c.lastCheck(v); err != nil {
		return err
	}
	q, _ := wished(v)
	if q.Get("message") != "" {
		for _, direction := range []string{"in", "out"} {
			key := exchange.MessageKey{Lane: exchange.Lane{Partner: q.Get("partner"), Direction: exchange.Direction(direction)}, ID: strings.TrimSpace(q.Get("message"))}
			if _, err := c.cfg.Oversight.Proof(v.r.Context(), v.officer, key); err == nil {
				return v.redirect(proofPath(key))
			} else if exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
				return err
			}
		}
		view.ID = q.Get("message")
	}
	type page struct {
		recordView
		Partners []Party
		Chosen   string
	}
	return c.show(v, http.StatusOK, "record", v.s.T("record.title"), "record", page{view, c.parties(v.s, v.officer), q.Get("partner")})
}

func proofPath(key exchange.MessageKey) string { return messagePath(key) + "/proof" }

// messageKey reads which message an address names.
func messageKey(v *visit) (exchange.MessageKey, error) {
	key := exchange.MessageKey{
		Lane: exchange.Lane{Partner: chi.URLParam(v.r, "partner"), Direction: exchange.Direction(chi.URLParam(v.r, "direction"))}, ID: chi.URLParam(v.r, "id"),
	}
	if key.Direction != exchange.In && key.Direction != exchange.Out {
		return key, errNoPage
	}
	return key, nil
}

// A proofView is the page of a message's proof.
type proofView struct {
	Key     exchange.MessageKey
	Type    TypeName
	Case    string
	Index   int64
	Head    recordHead
	Leaf    string
	Proof   string
	Receipt string   // compact JWS; "" while there is none
	Claims  []string // of the receipt, line by line
	Others  int      // and how many it has that are not known here
	Giver   Party
	Keys    string // JSON array of the giver's keys
	LogKey  string
	Damaged *exchange.DamageError // what is stored of it is not what was recorded
	May     bool                  // this officer may have the signed source
	Reason  string
	Fault   string
}

func (c *Console) proofPage(v *visit) error {
	key, err := messageKey(v)
	if err != nil {
		return err
	}
	return c.showProof(v, key, http.StatusOK, "", "")
}

func (c *Console) showProof(v *visit, key exchange.MessageKey, status int, reason, fault string) error {
	proof, err := c.cfg.Oversight.Proof(v.r.Context(), v.officer, key)
	if err != nil {
		return err
	}
	view := proofView{
		Key: key, Type: c.typeName(v.s, proof.Type), Case: proof.Case, Index: proof.Index, Head: headOf(proof.Head),
		Leaf: string(proof.Leaf), Proof: string(proof.Text), Receipt: string(proof.Receipt), LogKey: proof.LogKey,
		May:    v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor, exchange.RoleCompliance),
		Reason: reason, Fault: fault, Damaged: proof.Damage,
	}
	if proof.Damage != nil {
		c.cfg.Logger.Error(exchange.Damaged, "index", proof.Damage.Index, "error", proof.Damage)
	}
	if proof.Receipt != nil {
		view.Giver = c.party(v.s, proof.Giver)
		keys, err := json.Marshal(proof.Keys)
		if err != nil {
			return err
		}
		view.Keys = string(keys)
		view.Claims, view.Others = strings.Split(proof.Claims, "\n"), proof.Others
	}
	title := v.s.T("proof.title", view.Type.Title)
	if fault != "" {
		title = v.s.T("error.prefix", title)
	}
	return c.show(v, status, "proof", title, "record", view)
}

// sourcePage hands out the exact signed bytes of a message, once the access is
// in the record.
func (c *Console) sourcePage(v *visit) error {
	key, err := messageKey(v)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(v.r.PostFormValue("reason"))
	source, err := c.cfg.Sight.Source(v.r.Context(), v.officer, key, reason)
	if fault := faultOf(err); err != nil && fault != "" {
		return c.showProof(v, key, http.StatusUnprocessableEntity, reason, fault)
	}
	if err != nil {
		return err
	}
	return v.download("application/jose", key.ID+".jws", source)
}

// download sends a file that a browser must not open in the console's place.
func (v *visit) download(mediaType, name string, data []byte) error {
	v.w.Header().Set("Content-Type", mediaType)
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(data) // the asker is gone when this fails
	return nil
}
