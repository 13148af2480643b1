// The requests and answers of docs/openapi.yaml, where each key is described. Times are RFC 3339; every key is always there.

/** Where a build is. */
export type Stage = "scheduled" | "queued" | "starting" | "scaffold" | "code" | "deps" | "checks" | "ready" | "failed";

export interface StartRequest {
  project_id: string;
  /** What to build. */
  goal: string;
  template?: string;
  source?: {
    /** By path; null deletes, in an iteration. */
    files?: Record<string, string | { base64: string } | null>;
    archive?: string;
  };
  /** Absent: detected; empty: none. */
  commands?: { generate?: string; install?: string; check?: string; start?: string };
  port?: number;
  env?: Record<string, string>;
  /** Makes this an iteration on that version, in its own preview. */
  previous_job_id?: string;
  /** The version before keeps its preview. */
  keep_previous?: boolean;
}

export interface Started {
  job_id: string;
  status: "queued" | "scheduled";
  build_version: string;
}

export interface Status {
  job_id: string;
  status: Stage;
  /** The status in words for a user. */
  stage_label: string;
  framework: string | null;
  port: number | null;
  preview_url: string | null;
  build_version: string | null;
  /** Why the build failed. */
  error_message: string | null;
  debug_id: string | null;
  sandbox_expires_at: string | null;
  /** When the preview is due to sleep, while it is awake or being woken. */
  awake_until: string | null;
  base_job_id: string | null;
  moved_to: string | null;
  current_at: string | null;
  gone_at: string | null;
  sandbox_paused: boolean;
  sandbox_state: "none" | "running" | "pausing" | "paused" | "resuming" | "moved" | "gone";
  revision: number;
}

export interface Resumed {
  job_id: string;
  status: "ready";
  preview_url: string;
  sandbox_id: string;
  sandbox_expires_at: string;
  awake_until: string;
  sandbox_paused: false;
}

export interface Snapshot {
  job_id: string;
  /** Whether the preview sleeps; else the pause is asked for. */
  paused: boolean;
}

export interface Cancelled {
  job_id: string;
  status: "cancelled";
  message: string;
}

export interface Shared {
  share_url: string;
  expires_at: string;
}

export interface LogLine {
  id: string;
  ts: string;
  /** system: said by the builder. */
  source: "stdout" | "system";
  text: string;
  phase: "queued" | "starting" | "scaffold" | "code" | "install" | "checks" | "failed";
}

export interface Version {
  job_id: string;
  status: Stage;
  stage_label: string;
  build_version: string;
  created_at: string;
  completed_at: string | null;
  preview_url: string | null;
  sandbox_state: Status["sandbox_state"];
  sandbox_paused: boolean;
  current: boolean;
  base_job_id: string | null;
  moved_to: string | null;
  rebuildable: boolean;
  gone_at: string | null;
}

export interface Versions {
  builds: Version[];
  /** What to ask for as before; null: that was all. */
  next: string | null;
}

export interface SourceAddress {
  url: string;
  expires_at: string;
}

export interface Rebuilding {
  job_id: string;
  status: Exclude<Stage, "ready" | "failed">;
  build_version: string;
  base_job_id: string;
}

export interface Restored {
  job_id: string;
  build_version: string;
  current: true;
}
