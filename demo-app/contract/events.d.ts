// What clients may send, and what they are sent. Generated from the gateways: see `Contract::assert_committed`.

import type { Socket as ClientSocket } from "socket.io-client";

/** The framework's own codes. */
export type WsErrorCode =
  | "BAD_PAYLOAD"
  | "EXCEPTION"
  | "FORBIDDEN"
  | "INTERNAL"
  | "NO_REPLY"
  | "OVERLOADED"
  | "REPLACED"
  | "SHUTTING_DOWN"
  | "THROTTLED"
  | "TIMEOUT"
  | "TOKEN_EXPIRED"
  | "TOO_MANY_ROOMS"
  | "UNAUTHORIZED"
  | "UNAVAILABLE"
  | "UNKNOWN_EVENT"
  | "VALIDATION";

/** What a failed message is answered with, unless a filter decides otherwise: as its acknowledgement, where the `status` tells it from an answer, and as the event `exception`. */
export interface WsError {
  /** What the client had sent, shortened. */
  cause?: {
    data?: unknown;
    pattern: string;
  };
  /** One of the framework's codes, or of the application's own. */
  code: WsErrorCode | (string & {});
  /** The fields that were refused; the first 100 of them. */
  errors?: {
    message: string;
    /** As in `items[0].sku`. Empty: the payload as a whole. */
    path: string;
  }[];
  message: string;
  /** How many more fields were refused. */
  moreErrors?: number;
  /** Whole seconds after which a client that was throttled may try again. */
  retryAfter?: number;
  status: "error";
}

type WithoutAck<Args> = Args extends [...infer Head, (...reply: any[]) => void] ? Head : never;

/**
 * A socket on which acknowledgements may be left out, which socket.io's own type cannot say. Use it as
 * `const socket = io("/chat") as Chat.Socket`.
 */
export type TypedSocket<
  Listen extends { [event: string]: any },
  Emit extends { [event: string]: any },
> = ClientSocket<Listen, Emit> & {
  emit<Event extends keyof Emit & string>(
    event: Event,
    ...args: WithoutAck<Parameters<Emit[Event]>>
  ): TypedSocket<Listen, Emit>;
};

/** The namespace `/chat`. */
export namespace Chat {
  /** Somebody has said something in a room. */
  export interface ChatMessage {
    content: string;
    /** ISO 8601. */
    createdAt: string;
    /** UUID v7: sorts by time. */
    id: string;
    roomId: string;
    senderId: UserId;
  }

  /** Why a message failed. */
  export interface ErrorEvent {
    /** What happened, for programs. */
    code: string;
    /** The fields that break a rule. */
    errors?: FieldError[] | null;
    /** In the client's language. */
    message: string;
    /** ISO 8601. */
    timestamp: string;
  }

  /** One field of a payload that was refused, and why. */
  export interface FieldError {
    /** What is wrong. */
    message: string;
    /** The path of the field, as in `items[0].sku`. Empty for the payload as a whole. */
    path: string;
  }

  /** Acknowledgement of `history`, oldest first. */
  export interface History {
    messages: ChatMessage[];
  }

  /** Body of `history`. */
  export interface HistoryRequest {
    after?: string | null;
    limit?: number | null;
    roomId: string;
  }

  /** What has become of an order. It comes again, to whoever connects, until it is acknowledged. */
  export interface OrderUpdate {
    message: string;
    orderId: string;
    status: Status;
  }

  /** Body of `join-room` and `leave-room`. */
  export interface RoomRequest {
    roomId: string;
  }

  /** Body of `send-message`. */
  export interface SendMessage {
    /**
     * The client's own name for this message: repeating it does not repeat the message. An empty
     * name would make all messages of a careless client one message.
     */
    clientId?: string | null;
    /** No content is the same mistake as a blank one. */
    content?: string;
    roomId: string;
  }

  /** How far an order is. */
  export type Status = "confirmed";

  /** Acknowledgement of a request with no other answer. */
  export interface Success {
    success: boolean;
  }

  /** A user's number. Read from a number or a string of digits, always written as a number. */
  export type UserId = number;

  /** A user has become a member of a room. */
  export interface UserJoined {
    roomId: string;
    userId: UserId;
  }

  /** A user is no longer a member of a room. */
  export interface UserLeft {
    roomId: string;
    userId: UserId;
  }

  /** What a failed message is answered with: what the filters make of it, or the standard error. */
  export type AnyError = ErrorEvent | WsError;

  /** What clients are sent. */
  export interface ServerToClientEvents {
    /** Why a message failed. */
    error: (errorEvent: ErrorEvent) => void;
    /** A message has failed. */
    exception: (error: WsError) => void;
    /** Somebody has said something in a room. */
    "new-message": (chatMessage: ChatMessage) => void;
    /** What has become of an order. It comes again, to whoever connects, until it is acknowledged. */
    "order-update": (orderUpdate: OrderUpdate, ack: () => void) => void;
    /** A user has become a member of a room. */
    "user-joined": (userJoined: UserJoined) => void;
    /** A user is no longer a member of a room. */
    "user-left": (userLeft: UserLeft) => void;
  }

  /** What clients may send. */
  export interface ClientToServerEvents {
    /** What was said in a room. */
    history: (historyRequest: HistoryRequest, ack: (reply: History | AnyError) => void) => void;
    /** Makes the user a member, and lets this socket hear the room. */
    "join-room": (roomRequest: RoomRequest, ack: (reply: Success | AnyError) => void) => void;
    /** Ends the user's membership: none of its devices hears the room any more. */
    "leave-room": (roomRequest: RoomRequest, ack: (reply: Success | AnyError) => void) => void;
    /** Renews the session, before it ends with its token. */
    reauthenticate: (value: string | { [key: string]: unknown }, ack: (reply: {
      status: "ok";
    } | AnyError) => void) => void;
    /** Says something in a room. Everyone who hears it, the sender included, receives `new-message`. */
    "send-message": (sendMessage: SendMessage, ack: (reply: ChatMessage | AnyError) => void) => void;
  }

  /** A socket of this namespace. */
  export type Socket = TypedSocket<ServerToClientEvents, ClientToServerEvents>;
}

/** The namespace `/presence`. */
export namespace Presence {
  /** Why a message failed. */
  export interface ErrorEvent {
    /** What happened, for programs. */
    code: string;
    /** The fields that break a rule. */
    errors?: FieldError[] | null;
    /** In the client's language. */
    message: string;
    /** ISO 8601. */
    timestamp: string;
  }

  /** One field of a payload that was refused, and why. */
  export interface FieldError {
    /** What is wrong. */
    message: string;
    /** The path of the field, as in `items[0].sku`. Empty for the payload as a whole. */
    path: string;
  }

  /** The answer to `get-online-users`. */
  export interface OnlineUserIds {
    onlineUserIds: UserId[];
  }

  /** A user's number. Read from a number or a string of digits, always written as a number. */
  export type UserId = number;

  /** A user has gone, with every device. */
  export interface UserOffline {
    userId: UserId;
  }

  /** A user has come. */
  export interface UserOnline {
    userId: UserId;
  }

  /** What a failed message is answered with: what the filters make of it, or the standard error. */
  export type AnyError = ErrorEvent | WsError;

  /** What clients are sent. */
  export interface ServerToClientEvents {
    /** Why a message failed. */
    error: (errorEvent: ErrorEvent) => void;
    /** A message has failed. */
    exception: (error: WsError) => void;
    /** A user has gone, with every device. */
    "user-offline": (userOffline: UserOffline) => void;
    /** A user has come. */
    "user-online": (userOnline: UserOnline) => void;
  }

  /** What clients may send. */
  export interface ClientToServerEvents {
    /** Everyone who is online, in ascending order. */
    "get-online-users": (ack: (reply: OnlineUserIds | AnyError) => void) => void;
    /** Renews the session, before it ends with its token. */
    reauthenticate: (value: string | { [key: string]: unknown }, ack: (reply: {
      status: "ok";
    } | AnyError) => void) => void;
  }

  /** A socket of this namespace. */
  export type Socket = TypedSocket<ServerToClientEvents, ClientToServerEvents>;
}
