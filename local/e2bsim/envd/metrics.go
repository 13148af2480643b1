package envd

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what GET /metrics answers. Sizes are bytes unless the name says
// otherwise.
type usage struct {
	TS        int64   `json:"ts"`
	CPUs      int     `json:"cpu_count"`
	CPU       float64 `json:"cpu_used_pct"`
	MemTotal  uint64  `json:"mem_total"`
	MemUsed   uint64  `json:"mem_used"`
	MemCache  uint64  `json:"mem_cache"`
	TotalMiB  uint64  `json:"mem_total_mib"`
	UsedMiB   uint64  `json:"mem_used_mib"`
	DiskUsed  uint64  `json:"disk_used"`
	DiskTotal uint64  `json:"disk_total"`
}

// metrics answers what this sandbox's processes hold. The CPU share is not
// measured, and there is no cache of its own to tell.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	u := usage{TS: time.Now().Unix(), CPUs: runtime.NumCPU(), MemTotal: uint64(s.config.Memory)}
	stats, _ := filepath.Glob("/proc/[0-9]*/statm")
	for _, name := range stats {
		text, _ := os.ReadFile(name)
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, _ := strconv.ParseUint(fields[1], 10, 64)
			u.MemUsed += pages * uint64(os.Getpagesize())
		}
	}
	if u.MemTotal == 0 {
		u.MemTotal = machineMemory()
	}
	u.TotalMiB, u.UsedMiB = u.MemTotal>>20, u.MemUsed>>20
	var disk syscall.Statfs_t
	if syscall.Statfs(s.config.Home, &disk) == nil {
		u.DiskTotal = disk.Blocks * uint64(disk.Bsize)
		u.DiskUsed = (disk.Blocks - disk.Bfree) * uint64(disk.Bsize)
	}
	writeJSON(w, u)
}

func machineMemory() uint64 {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			kib, _ := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}
