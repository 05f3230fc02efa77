// What goes over the wire.

import { IsInt, IsString, Length, Max, Min } from "class-validator";

export class JoinRoom {
  roomId: string;
}

export class SendMessage {
  roomId: string;
  content: string;
}

export interface ChatMessage {
  id: string;
  roomId: string;
  content: string;
  senderId: number;
  createdAt: string;
}

export class Echo {
  text: string;
  n: number;
}

export class ValidatedEcho {
  @IsString()
  @Length(1, 64)
  text: string;

  @IsInt()
  @Min(0)
  @Max(1_000_000_000)
  n: number;
}
