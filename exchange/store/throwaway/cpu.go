package throwaway

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc's times: Linux counts in hundredths of a second
// there, whatever its own clock.
const tick = 10 * time.Millisecond

// CPU returns the processor time that the server has used, in all of its
// processes and in those that have ended.
func (s *Server) CPU() (time.Duration, error) {
	if s.process == nil {
		return 0, fmt.Errorf("the server is not running")
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return 0, fmt.Errorf("the processes of this machine cannot be seen")
	}
	var total time.Duration
	own := strconv.Itoa(s.process.Pid)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended; its time is its parent's now
		}
		pid := filepath.Base(filepath.Dir(path))
		parent, used, ended := readStat(string(text))
		if pid == own {
			total += used + ended
		} else if parent == own {
			total += used
		}
	}
	return total, nil
}

// readStat reads /proc/PID/stat: the parent, the time used, and the time that
// was used by children that have ended. The program's name may hold anything.
func readStat(text string) (parent string, used, ended time.Duration) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return "", 0, 0
	}
	ticks := func(i int) time.Duration {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0
		}
		return time.Duration(n) * tick
	}
	return fields[1], ticks(11) + ticks(12), ticks(13) + ticks(14)
}
