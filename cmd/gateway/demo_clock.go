package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// A demoClock is the time of all gateways of the demo. It begins weeks ago and
// is moved forward from step to step; it never goes back, and in the end it
// shows the true time. Certificates are judged by the true time throughout.
type demoClock struct {
	mu     sync.Mutex
	behind time.Duration
	began  time.Time
}

// demoZone is where the demo's days begin and its hours are read.
const demoZone = "Asia/Ho_Chi_Minh"

// newDemoClock returns a clock that stands at the last Monday from which so many
// days have already passed.
func newDemoClock(days int) (*demoClock, error) {
	zone, err := time.LoadLocation(demoZone)
	if err != nil {
		return nil, fmt.Errorf("load the demo's time zone: %w", err)
	}
	now := time.Now().In(zone)
	y, m, d := now.AddDate(0, 0, -days).Date()
	monday := time.Date(y, m, d, 0, 0, 0, 0, zone)
	for monday.Weekday() != time.Monday {
		monday = monday.AddDate(0, 0, -1)
	}
	return &demoClock{behind: now.Sub(monday), began: monday}, nil
}

func (c *demoClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(-c.behind)
}

// moveTo moves the clock forward.
func (c *demoClock) moveTo(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	forward := t.Sub(time.Now().Add(-c.behind))
	if forward < 0 {
		return errors.New("the demo's clock would go back; the step before took too long")
	}
	if forward > c.behind {
		return errors.New("the demo's clock would run ahead of the true time")
	}
	c.behind -= forward
	return nil
}

// settle makes the clock show the true time.
func (c *demoClock) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind = 0
}

// day returns an hour of a day, counted from the beginning.
func (c *demoClock) day(n int, at string) (time.Time, error) {
	hour, err := time.Parse("15:04", at)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no hour such as 09:30", at)
	}
	midnight := c.began.AddDate(0, 0, n)
	return midnight.Add(time.Duration(hour.Hour())*time.Hour + time.Duration(hour.Minute())*time.Minute), nil
}
