/** The answers of the HTTP API (docs/user/api.md), as far as the page uses them. */

export type Status = "pending" | "running" | "completed" | "failed" | "cancelled";

export interface ResultFile {
  path: string;
  content_base64: string;
}

export interface OmittedFile {
  path: string;
  size: number;
  reason: string;
}

/** What a cell shows: texts by MIME type, images in base64. */
export interface Shown {
  kind: "result" | "display";
  data: Record<string, string>;
}

export interface CellError {
  name: string;
  value: string;
  traceback: string;
}

export interface Result {
  stdout?: string;
  stderr?: string;
  stdout_truncated: boolean;
  stderr_truncated: boolean;
  exit_code: number | null;
  /** Seconds. */
  execution_time: number | null;
  /** Seconds. */
  compile_seconds?: number;
  language: string;
  session_id: string | null;
  reason: string;
  usage: { cpu_seconds: number; max_memory_bytes: number } | null;
  /** Seconds. */
  queue_time: number | null;
  files?: ResultFile[];
  files_truncated?: boolean;
  files_omitted?: OmittedFile[];
  /** These are present for a cell, in a session that keeps its interpreter. */
  results?: Shown[];
  results_truncated?: boolean;
  error?: CellError | null;
  state_lost?: boolean;
}

export interface State {
  execution_id: string;
  status: Status;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  result: Result | null;
  detail: string | null;
}

export interface Listed {
  execution_id: string;
  status: Status;
  language: string;
  session_id: string | null;
  created_at: string;
  reason: string | null;
  exit_code: number | null;
  /** Seconds. */
  execution_time: number | null;
}

export interface Session {
  session_id: string;
  language: string;
  expires_at: string;
  stateful?: "interpreter";
}

export interface InputFile {
  path: string;
  content_base64: string;
}

export interface ExecuteRequest {
  code: string;
  language: string;
  stdin?: string;
  args?: string[];
  environment?: Record<string, string>;
  files?: InputFile[];
  output_files?: string[];
  timeout?: number;
  session_id?: string;
}
