package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A verdict is what one attempt means for its job.
type verdict int

const (
	verdictRetry     verdict = iota // unknown or temporary: send the identical bytes again
	verdictDelivered                // a valid receipt is in hand
	verdictDead                     // the partner will never take these bytes
)

// An attemptResult is the outcome of one attempt.
type attemptResult struct {
	verdict  verdict
	reached  bool // the partner's gateway answered at all
	receipt  Receipt
	evidence []byte
	after    time.Duration // the partner's Retry-After
	attempt  Attempt
	err      error
}

func retryBecause(err error, detail string) attemptResult {
	return attemptResult{err: err, attempt: Attempt{Outcome: "retry", Detail: detail}}
}

// errStrayJob means that a job and the entry that it names do not belong together.
var errStrayJob = errors.New("the job is not of the message that it names")

// ours says whether bytes are the message of ours to a partner that a job is
// about. A job is a row in clear, and the bytes are sealed: whoever can write
// the one cannot have us open the other and carry it to somebody.
func (c *Courier) ours(data []byte, peer *Peer, job Job) bool {
	claims, err := claimsIn(data)
	return err == nil && claims.Issuer == c.cfg.Self && claims.Audience == peer.Code && claims.ID == job.Ref
}

// attempt posts the exact stored bytes of a message once and reads the answer.
func (c *Courier) attempt(ctx context.Context, peer *Peer, job Job) attemptResult {
	row, err := c.cfg.Reader.Entry(ctx, job.Index)
	if err != nil {
		return retryBecause(err, "the message could not be read")
	}
	message, err := c.cfg.Opener.Open(ctx, row)
	if errors.Is(err, ErrErased) {
		r := attemptResult{verdict: verdictDead, reached: true, err: err, attempt: Attempt{Outcome: "dead", Detail: "the case was erased"}}
		r.evidence = failureData(job, r, "the case was erased before delivery")
		return r
	}
	if err != nil {
		return retryBecause(err, "the message could not be opened")
	}
	if !c.ours(message.Data, peer, job) {
		c.cfg.Logger.Error("a job asks for what is no message of ours to this partner; nothing is sent, run 'gateway check'", "partner", peer.Code, "jti", job.Ref, "index", job.Index)
		return retryBecause(errStrayJob, errStrayJob.Error())
	}
	client, err := c.cfg.Client(peer.Code)
	if err != nil {
		return retryBecause(err, "no connection can be made with this partner's configuration")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, peer.Endpoint+"/v1/messages", bytes.NewReader(message.Data))
	if err != nil {
		return retryBecause(err, "the endpoint is not usable")
	}
	req.Header.Set("Content-Type", MediaTypeMessage)
	req.Header.Set("Accept", MediaTypeReceipt+", "+MediaTypeProblem)
	resp, err := client.Do(req)
	if err != nil {
		reason, detail := unreached(err)
		c.cfg.Metrics.unreached(peer.Code, reason)
		c.cfg.Logger.Debug("no answer", "partner", peer.Code, "jti", job.Ref, "error", err)
		return retryBecause(err, "no answer: "+detail)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReceiptBytes+1))
	if err != nil {
		c.cfg.Metrics.unreached(peer.Code, "closed")
		return retryBecause(err, "the answer broke off")
	}
	return c.judge(peer, job, message.Data, resp, body)
}

// judge decides what an answer means.
func (c *Courier) judge(peer *Peer, job Job, sent []byte, resp *http.Response, body []byte) attemptResult {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	r := attemptResult{reached: true, after: retryAfter(resp.Header.Get("Retry-After"), c.cfg.Clock())}
	r.attempt.Status = resp.StatusCode
	if resp.StatusCode == http.StatusAccepted {
		receipt, err := OpenReceipt(body, peer, c.cfg.Self, job.Ref, sent, c.cfg.Clock())
		if err != nil {
			// The partner may or may not hold the message: only identical bytes
			// can resolve that (P10).
			r.err, r.attempt.Outcome, r.attempt.Detail = err, "invalid-receipt", err.Error()
			c.cfg.Logger.Error("a receipt was refused", "partner", peer.Code, "jti", job.Ref, "error", err)
			return r
		}
		r.verdict, r.receipt, r.attempt.Outcome = verdictDelivered, receipt, "delivered"
		return r
	}
	answer := parsePartnerProblem(resp.StatusCode, mediaType, body, sent)
	r.err, r.attempt.Detail = answer, answer.Error()
	if permanent(answer) {
		r.verdict, r.attempt.Outcome = verdictDead, "refused"
		r.evidence = failureData(job, r, answer.Error())
		return r
	}
	r.attempt.Outcome = "retry"
	return r
}

// permanent says whether an answer means that these bytes will never be
// taken. Without a problem document that we know, only the statuses that
// speak of the message itself are final; a proxy's 403 or 404 is not.
func permanent(p *PartnerProblem) bool {
	for _, k := range ProblemKinds() {
		if k.Slug == p.Slug && k.Status == p.Status {
			return !k.Retry && k != ProblemNotFound && k != ProblemMethod && k != ProblemPartnerUnknown
		}
	}
	switch p.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// maxRetryAfter bounds what a partner's header can mean, before arithmetic is
// done with it; the dead-letter time bounds it further.
const maxRetryAfter = 366 * 24 * time.Hour

// retryAfter reads RFC 9110 §10.2.3: seconds or a date. What is neither asks
// for nothing.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.Trim(header, " \t")
	if header == "" {
		return 0
	}
	if strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseInt(header, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) { // all digits: it is too large
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}

// failureData is what the record keeps of a message that will not be
// delivered.
func failureData(job Job, r attemptResult, reason string) []byte {
	out, err := json.Marshal(struct {
		Reason   string `json:"reason"`
		Status   int    `json:"status,omitempty"`
		Attempts int    `json:"attempts"`
	}{reason, r.attempt.Status, job.Attempt + 1})
	if err != nil { // strings and ints only: cannot fail
		panic(fmt.Sprintf("failure data: %v", err))
	}
	return out
}
