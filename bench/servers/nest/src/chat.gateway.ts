// Who a client is is decided when it connects, as in NestJS's tutorials; a guard asks for it on
// each message, and a pipe validates where a payload has rules.

import { UseGuards, UsePipes, ValidationPipe } from "@nestjs/common";
import { JwtService } from "@nestjs/jwt";
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from "@nestjs/websockets";
import { Namespace, Socket } from "socket.io";
import { v7 as uuid } from "uuid";

import { AuthGuard } from "./auth.guard.js";
import { type ChatMessage, Echo, JoinRoom, SendMessage, ValidatedEcho } from "./model.js";

@WebSocketGateway({ namespace: "/chat" })
@UseGuards(AuthGuard)
export class ChatGateway implements OnGatewayConnection {
  @WebSocketServer()
  private readonly server: Namespace;

  constructor(private readonly jwt: JwtService) {}

  handleConnection(client: Socket) {
    try {
      client.data.user = this.jwt.verify(client.handshake.auth.token, { algorithms: ["HS256"] });
    } catch {
      client.disconnect();
    }
  }

  @SubscribeMessage("join-room")
  async joinRoom(@ConnectedSocket() client: Socket, @MessageBody() body: JoinRoom) {
    await client.join(body.roomId);
    return { success: true };
  }

  @SubscribeMessage("send-message")
  sendMessage(@ConnectedSocket() client: Socket, @MessageBody() body: SendMessage): ChatMessage {
    const message = {
      id: uuid(),
      roomId: body.roomId,
      content: body.content,
      senderId: client.data.user.sub,
      createdAt: new Date().toISOString(),
    };
    this.server.to(body.roomId).emit("new-message", message);
    return message;
  }

  @SubscribeMessage("echo")
  echo(@MessageBody() body: Echo): Echo {
    return body;
  }

  @SubscribeMessage("validated")
  @UsePipes(new ValidationPipe({ transform: true }))
  validated(@MessageBody() body: ValidatedEcho): ValidatedEcho {
    return body;
  }

  @SubscribeMessage("text")
  text(@MessageBody() text: string): string {
    return text;
  }

  @SubscribeMessage("binary")
  binary(@MessageBody() bytes: Buffer): Buffer {
    return bytes;
  }
}
